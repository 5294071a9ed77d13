#pragma once

#include "storage/postgres/pqxx_session.hpp"
#include "storage/schema/migration_files.hpp"
#include "storage/schema/migration_records.hpp"
#include "storage/schema/schema_snapshot.hpp"

#include <chrono>
#include <functional>
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
using migration_observer = std::function<void(migration_event const&)>;

/// Applies and reverts one migration at a time, on a session whose user has the migration lock.
/// What goes wrong in a migration comes as migration_error, what goes wrong around it as sql_error.
class migration_executor {
  public:
    migration_executor(pqxx_session& session, migrate_options options, migration_observer report)
        : session_{session}, options_{options}, report_{std::move(report)} {}

    /// `is_begun`: a no-transaction file that did not come to its end before.
    void apply(migration const& which, bool is_begun);
    void revert(migration const& which);
    /// In the caller's transaction, which is to be rolled back.
    void try_out(migration const& which);

  private:
    template <typename Function>
    void with_retries(migration const& which, migrate_exit on_failure, Function&& attempt);
    void execute_inside(migration const& which, std::string const& script);
    void execute_one_by_one(migration const& which, std::string const& script);
    void apply_in_transaction(migration const& which);
    void apply_one_by_one(migration const& which, bool is_begun);
    void limit_lock_waits(std::chrono::milliseconds time_max);
    catalog_objects catalog_before();
    void record(migration const& which, catalog_objects const& before,
                std::chrono::steady_clock::time_point start, std::vector<catalog_change>& changes);
    void tell(migration_action action, migration const& which, std::chrono::milliseconds took,
              std::vector<catalog_change> changes) const;

    pqxx_session& session_;
    migration_records records_{session_};
    migrate_options options_;
    migration_observer report_;
};

} // namespace tally::storage
