#pragma once

#include "storage/schema/migration_executor.hpp"
#include "storage/schema/migration_files.hpp"
#include "storage/schema/migration_status.hpp"
#include "storage/schema/schema_snapshot.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tally::storage {

/// What `verify` found.
struct verification {
    std::vector<migration_status> statuses;
    std::vector<catalog_change> drift; ///< before: as migrated, after: as it is
    bool is_other_server_major =
        false; ///< PostgreSQL was upgraded: it may spell things differently

    [[nodiscard]] migrate_exit code() const;
};

/// What reverting would destroy.
struct migration_loss {
    std::vector<migration_status> migrations; ///< the last first; empty: nothing is applied
    std::vector<std::string> tables; ///< that they made and that are there, the largest first
    std::int64_t bytes = 0;          ///< of these tables, with partitions and indexes
    int keep = 0;                    ///< the version that stays
};

/// Applies and reverts migrations. One object per command; PostgreSQL 14 or newer. All functions
/// throw migration_error.
class migration_runner {
  public:
    using observer = migration_observer;

    /// Connects. `files` are by version, as embedded_migrations() gives them.
    migration_runner(std::string connection_string, std::vector<migration> files,
                     migrate_options options = {}, observer report = {});
    ~migration_runner();
    migration_runner(migration_runner const&) = delete;
    migration_runner& operator=(migration_runner const&) = delete;

    /// Applies what is pending, up to version `to`.
    void up(std::optional<int> to = std::nullopt);
    /// Reverts the last one, or all above version `to` (0: all).
    void down(std::optional<int> to = std::nullopt);
    /// Reverts and applies the last one; only if that is `version`, when it is given.
    void redo(std::optional<int> version = std::nullopt);
    /// What down(to) would destroy. Changes nothing and waits for nobody.
    migration_loss loss_of_down(std::optional<int> to = std::nullopt);
    /// Executes what is pending in one transaction and rolls back.
    void plan();

    std::vector<migration_status> status();
    verification verify();

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

/// What the daemon asks at its start.
struct schema_check {
    bool is_ok = false;
    int database_version = 0;
    int binary_version = 0;
    std::string advice; ///< what is wrong and what to run; empty when all is well
};

/// Compares the database with the migrations in the binary, without changing anything. Throws
/// sql_error when there is no connection.
schema_check check_schema(std::string const& connection_string);

} // namespace tally::storage
