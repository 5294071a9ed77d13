#pragma once

#include "storage/catalog_snapshot.hpp"
#include "storage/migration_files.hpp"
#include "storage/migration_status.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace tally::storage {

/// Exit codes of `tallyd migrate`.
enum class migrate_exit : int {
    done = 0,
    failed = 1, ///< no connection, unreadable files
    pending = 2,
    changed = 3, ///< edited, missing or out-of-order files, drift, a database that is newer
    lock_busy = 4,
    rolled_back = 5,
    partly_applied = 6,
};

/// Why a command did not do what it should; what() is for the operator.
class migration_error : public std::runtime_error {
  public:
    migration_error(migrate_exit code, std::string const& message)
        : std::runtime_error{message}, code_{code} {}
    [[nodiscard]] migrate_exit code() const noexcept { return code_; }

  private:
    migrate_exit code_;
};

struct migrate_options {
    std::chrono::milliseconds lock_wait_max{60'000}; ///< for another tallyd's migrations to end
    /// For a table that somebody else uses. Short: everybody else queues behind a waiting DDL.
    std::chrono::milliseconds table_lock_time_max{2'000};
    int tries_max = 20; ///< after a table lock's time-out, a deadlock or a serialization failure
};

enum class migration_action : std::uint8_t {
    applied,
    reverted,
    tried,   ///< executed and rolled back
    skipped, ///< not tried: it cannot run in a transaction
};

/// Told to the caller as each migration is done.
struct migration_event {
    migration_action action = migration_action::applied;
    std::string label;
    std::chrono::milliseconds took{0};
    std::vector<catalog_change> changes;
};

/// What `verify` found.
struct verification {
    std::vector<migration_status> statuses;
    std::vector<catalog_change> drift; ///< before: as migrated, after: as it is
    bool is_other_server_major =
        false; ///< PostgreSQL was upgraded: it may spell things differently

    [[nodiscard]] migrate_exit code() const;
};

/// Applies and reverts migrations. One object per command; PostgreSQL 14 or newer. All functions
/// throw migration_error.
class migration_runner {
  public:
    using observer = std::function<void(migration_event const&)>;

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
    /// Reverts and applies the last one.
    void redo();
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
