#pragma once

#include "storage/schema/migration_executor.hpp"
#include "storage/schema/migration_files.hpp"
#include "storage/schema/migration_status.hpp"
#include "storage/schema/snapshot.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

/// The result of `verify`.
struct verification {
    std::vector<migration_status> statuses;
    std::vector<catalog_change> drift; ///< before: as migrated; after: as it is
    /// PostgreSQL was upgraded since: it may print definitions differently.
    bool is_other_server_major = false;

    [[nodiscard]] migrate_exit code() const;
};

/// What reverting would destroy.
struct migration_loss {
    std::vector<migration_status> migrations; ///< the last first; empty: nothing is applied
    std::vector<std::string> tables; ///< existing tables that they created, the largest first
    std::int64_t bytes = 0;          ///< of these tables, with partitions and indexes
    int keep = 0;                    ///< the version that remains
};

/// Applies and reverts migrations. One object per command; PostgreSQL 14 or newer. All functions
/// throw command_error, with the exit code.
class migration_runner {
  public:
    using observer = migration_observer;

    /// Connects. `files` are sorted by version, as embedded_migrations() returns them.
    migration_runner(std::string connection_string, std::vector<migration> files,
                     migrate_options options = {}, observer report = {});
    ~migration_runner();
    migration_runner(migration_runner const&) = delete;
    migration_runner& operator=(migration_runner const&) = delete;

    /// Applies the pending migrations, up to version `target`.
    void up(std::optional<int> target = std::nullopt);
    /// Reverts the last migration, or all above version `target` (0: all).
    void down(std::optional<int> target = std::nullopt);
    /// Reverts the last migration and applies it again. If `version` is given, it must be the last.
    void redo(std::optional<int> version = std::nullopt);
    /// What down(target) would destroy. Changes nothing and does not wait for the migration lock.
    migration_loss loss_of_down(std::optional<int> target = std::nullopt);
    /// Executes the pending migrations in one transaction and rolls back.
    void plan();

    std::vector<migration_status> status();
    verification verify();

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

/// The check of the schema at the daemon's start.
struct schema_check {
    bool is_ok = false;
    int database_version = 0;
    int binary_version = 0;
    std::string advice; ///< what is wrong and which command to run; empty: all is well
};

/// Compares the database with the migrations in the binary. Changes nothing. Throws database_error
/// without a connection.
schema_check check_schema(std::string const& connection_string);

} // namespace tally::storage
