#pragma once

#include "storage/postgres/pqxx_session.hpp"
#include "storage/schema/migration_files.hpp"
#include "storage/schema/schema_snapshot.hpp"

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

enum class record_state : std::uint8_t {
    applied,
    running,   ///< a no-transaction file that has not come to its end
    reverting, ///< the same, of a .down file
};

/// A row of public.tallyd_migrations: what the database knows of a migration.
struct migration_record {
    int version = 0;
    std::string name;
    std::string up_sha256;
    std::string down_sha256;
    record_state state = record_state::applied;
    std::string fingerprint; ///< of the catalog after it
    std::string applied_at;
    int server_major = 0;
};

/// Tables and what they take on disk, with partitions and indexes.
struct made_tables {
    std::vector<std::string> names; ///< with their schema, the largest first
    std::int64_t bytes = 0;
};

/// The runner's own tables: public.tallyd_migrations, one row per migration that was begun, and
/// public.tallyd_migration_objects, what each of them changed in the catalog. Statements run in
/// the caller's transaction, if there is one. Everything throws sql_error.
class migration_records {
  public:
    explicit migration_records(pqxx_session& session) : session_{session} {}

    void create_tables();
    /// By version; none when there are no tables.
    std::vector<migration_record> load();
    /// The catalog as all recorded migrations together should have left it.
    catalog_objects expected_catalog();
    /// The tables that migrations above this version made and that are there.
    made_tables tables_made_above(int version);

    void insert(migration const& which, record_state state);
    /// Marks it applied, with what it changed and how long that took.
    void finish(migration const& which, std::vector<catalog_change> const& changes,
                catalog_objects const& expected, std::chrono::milliseconds took);
    void set_state(int version, record_state state);
    void remove(int version);

  private:
    bool has_tables();

    pqxx_session& session_;
};

} // namespace tally::storage
