#pragma once

#include "storage/postgres/sql_session.hpp"

#include <chrono>
#include <string>

namespace tally::storage {

/// Prevents two tallyd from changing the schema of a database at the same time: a session-level
/// advisory lock on an idle connection of its own. It is taken by polling: a session that waits for
/// the lock within a statement holds a snapshot, and CREATE INDEX CONCURRENTLY in the session that
/// has the lock would wait for that snapshot: a deadlock.
class migration_lock {
  public:
    /// Throws database_error, or after `wait_max` command_error that names the holder.
    migration_lock(std::string const& connection_string, std::chrono::milliseconds wait_max);

    /// Throws database_error if the connection, and with it the lock, is lost.
    void check();

  private:
    bool try_take();
    std::string holder();

    sql_session session_;
};

} // namespace tally::storage
