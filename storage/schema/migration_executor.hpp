#pragma once

#include "storage/postgres/sql_session.hpp"
#include "storage/schema/migrate_exit.hpp"
#include "storage/schema/migration_files.hpp"
#include "storage/schema/migration_records.hpp"
#include "storage/schema/snapshot.hpp"

#include <chrono>
#include <functional>
#include <string>
#include <vector>

namespace tally::storage {

struct migrate_options {
    std::chrono::milliseconds lock_wait_max{60'000}; ///< wait for another tallyd's migrations
    /// Wait for the lock of a table in use. Short: while a DDL statement waits, every later session
    /// waits for it.
    std::chrono::milliseconds table_lock_time_max{2'000};
    int tries_max = 20; ///< attempts after a lock timeout, a deadlock or a serialization failure
};

enum class migration_action : std::uint8_t {
    applied,
    reverted,
    tried,   ///< executed and rolled back
    skipped, ///< not tried: it cannot run in a transaction
};

/// Reported to the observer after each migration.
struct migration_event {
    migration_action action = migration_action::applied;
    std::string label;
    std::chrono::milliseconds took{0};
    std::vector<catalog_change> changes;
};
using migration_observer = std::function<void(migration_event const&)>;

/// Applies and reverts one migration at a time; the caller holds the migration lock. A failure of a
/// migration's own statements throws command_error with its exit code, any other database_error.
class migration_executor {
  public:
    migration_executor(sql_session& session, migrate_options options, migration_observer report)
        : session_{session}, options_{options}, report_{std::move(report)} {}

    /// `is_begun`: a no-transaction file that an earlier run did not complete.
    void apply(migration const& file, bool is_begun);
    void revert(migration const& file);
    /// Executes it in the caller's transaction, which the caller rolls back.
    void try_out(migration const& file);

  private:
    template <typename Function>
    void with_retries(migration const& file, migrate_exit on_failure, Function&& attempt);
    void execute_inside(migration const& file, std::string const& script);
    void execute_one_by_one(migration const& file, std::string const& script);
    void apply_in_transaction(migration const& file);
    void apply_one_by_one(migration const& file, bool is_begun);
    void limit_lock_waits(std::chrono::milliseconds time_max);
    catalog_objects catalog_before();
    void record(migration const& file, catalog_objects const& before,
                std::chrono::steady_clock::time_point start, std::vector<catalog_change>& changes);
    void tell(migration_action action, migration const& file, std::chrono::milliseconds took,
              std::vector<catalog_change> changes) const;

    sql_session& session_;
    migration_records records_{session_};
    migrate_options options_;
    migration_observer report_;
};

} // namespace tally::storage
