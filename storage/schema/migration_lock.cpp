#include "storage/schema/migration_lock.hpp"

#include "storage/schema/migrate_exit.hpp"

#include <thread>

namespace tally::storage {
namespace {

/// The lock's key: two 32-bit halves, which pg_locks shows as classid and objid.
constexpr auto lock_key = "1952542828, 1835624306";

constexpr std::chrono::milliseconds poll_interval{50};

} // namespace

migration_lock::migration_lock(std::string const& connection_string,
                               std::chrono::milliseconds wait_max)
    : session_{connection_string, "tallyd migrate lock"} {
    // The session is idle for as long as the migrations take: the server must not end it.
    session_.execute("SET idle_session_timeout = 0");

    // Polling, not waiting in the server: see the header.
    auto const deadline = std::chrono::steady_clock::now() + wait_max;
    while (!try_take()) {
        if (std::chrono::steady_clock::now() >= deadline) {
            throw migrate_failure(migrate_exit::lock_busy,
                                  "another session changes the schema of this database: " +
                                      holder());
        }
        std::this_thread::sleep_for(poll_interval);
    }
}

void migration_lock::check() {
    // Fails if the session has ended, and the lock with it.
    session_.query("SELECT 1");
}

bool migration_lock::try_take() {
    return session_.query_value(std::string{"SELECT pg_try_advisory_lock("} + lock_key + ")") ==
           "t";
}

std::string migration_lock::holder() {
    // A hint for the operator. The holder may end between the two queries.
    auto const owner = session_.query_value(
        "SELECT format('pid %s (%s, user %s, from %s, since %s)', a.pid, a.application_name, "
        "a.usename, coalesce(host(a.client_addr), 'a local socket'), "
        "to_char(a.backend_start, 'YYYY-MM-DD HH24:MI:SS TZ')) "
        "FROM pg_locks l JOIN pg_stat_activity a USING (pid) "
        "WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2 "
        "AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database()) "
        "AND (l.classid::bigint, l.objid::bigint) = (" +
        std::string{lock_key} + ")");
    return owner.value_or("it has just ended, try again");
}

} // namespace tally::storage
