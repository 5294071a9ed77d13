#pragma once

#include "storage/postgres/sql_session.hpp"

#include <chrono>
#include <string>

namespace tally::storage {

/// Another process holds the lock; what() names it.
struct lock_busy : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Prevents two tallyd from changing the schema of a database at the same time: a session-level
/// advisory lock on an idle connection of its own. It is taken by polling: a session that waits for
/// the lock within a statement holds a snapshot, and CREATE INDEX CONCURRENTLY in the session that
/// has the lock would wait for that snapshot: a deadlock.
class migration_lock {
  public:
    /// Throws lock_busy after `wait_max`, or database_error.
    migration_lock(std::string const& connection_string, std::chrono::milliseconds wait_max);

    /// Throws database_error if the connection, and with it the lock, is lost.
    void check();

  private:
    bool try_take();
    std::string holder();

    sql_session session_;
};

} // namespace tally::storage
