#pragma once

#include "storage/postgres/sql_session.hpp"
#include "storage/schema/migration_files.hpp"
#include "storage/schema/snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

enum class record_state : std::uint8_t {
    applied,
    running,   ///< a no-transaction file that was begun and not completed
    reverting, ///< the same, of a .down file
};

/// A row of public.tallyd_migrations: the database's record of a migration.
struct migration_record {
    int version = 0;
    std::string name;
    std::string up_sha256;
    std::string down_sha256;
    record_state state = record_state::applied;
    std::string fingerprint; ///< of the catalog after the migration
    std::string applied_at;
    int server_major = 0;
};

/// Tables and their size on disk, with partitions and indexes.
struct made_tables {
    std::vector<std::string> names; ///< with their schema, the largest first
    std::int64_t bytes = 0;
};

/// The runner's own tables: public.tallyd_migrations (one row per migration that was begun) and
/// public.tallyd_migration_objects (the changes of each in the catalog). Statements run in the
/// caller's transaction, if there is one. All functions throw database_error.
class migration_records {
  public:
    explicit migration_records(sql_session& session) : session_{session} {}

    void create_tables();
    /// The records by version; empty if the tables do not exist.
    std::vector<migration_record> load();
    /// The catalog as all recorded migrations together should have left it.
    catalog_objects expected_catalog();
    /// The existing tables that migrations above this version created.
    made_tables tables_made_above(int version);

    void insert(migration const& file, record_state state);
    /// Marks it as applied, with its changes and its duration.
    void finish(migration const& file, std::vector<catalog_change> const& changes,
                catalog_objects const& expected, std::chrono::milliseconds took);
    void set_state(int version, record_state state);
    void remove(int version);

  private:
    bool has_tables();

    sql_session& session_;
};

} // namespace tally::storage
