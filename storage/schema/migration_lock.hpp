#pragma once

#include "storage/postgres/pqxx_session.hpp"

#include <chrono>
#include <string>

namespace tally::storage {

/// The lock that another process has; what() says which.
struct lock_busy : std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Keeps other tallyd from changing the schema of this database at the same time: a session-level
/// advisory lock on a connection of its own that stays idle. Taken by polling, because a session
/// that waits for a lock within a statement holds a snapshot, which CREATE INDEX CONCURRENTLY in
/// the session that has the lock would wait for in turn.
class migration_lock {
  public:
    /// Throws lock_busy after `wait_max`, or sql_error.
    migration_lock(std::string const& connection_string, std::chrono::milliseconds wait_max);

    /// Throws sql_error when the connection, and with it the lock, is gone.
    void check();

  private:
    bool try_take();
    std::string holder();

    pqxx_session session_;
};

} // namespace tally::storage
