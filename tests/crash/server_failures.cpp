#include "tests/crash/failure.hpp"

#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <csignal>

namespace tally::crash {

namespace {

using tests::private_postgres;

/// The process id of a lane's session; 0 when there is none at the moment.
pid_t some_session(scene& on) {
    auto const sessions = on.bed.lane_sessions();
    return sessions.empty() ? 0 : sessions[on.random.below(sessions.size())];
}

} // namespace

// When one process dies, the server ends all sessions and recovers.
void kill_session(scene& on) {
    if (auto const session = some_session(on); session != 0) {
        ::kill(session, SIGKILL);
        on.tell("the session of a lane killed");
    }
}

void stop_session(scene& on) {
    if (auto const session = some_session(on); session != 0) {
        ::kill(session, SIGSTOP);
        auto const time = on.wait(100, 1000);
        ::kill(session, SIGCONT);
        on.tell("the session of a lane stood still for " + std::to_string(time.count()) + " ms");
    }
}

void end_sessions(scene& on) {
    auto const times = on.random.between(2, 6);
    for (std::uint64_t i = 0; i < times; ++i) {
        tests::execute(on.bed.database(),
                       "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                       " current_database() AND application_name LIKE 'tallyd lane%'");
        on.wait(5, 120);
    }
    on.tell("sessions of all lanes ended " + std::to_string(times) + " times");
}

void kill_server(scene& on) {
    private_postgres::shared().crash_and_restart(SIGKILL);
    on.tell("PostgreSQL killed and restarted");
}

void shut_server(scene& on) {
    private_postgres::shared().crash_and_restart(SIGQUIT);
    on.tell("PostgreSQL shut down at once and restarted");
}

void restart_server(scene& on) {
    private_postgres::shared().stop();
    auto const time = on.wait(100, 800);
    private_postgres::shared().start();
    on.tell("PostgreSQL was away for " + std::to_string(time.count()) + " ms");
}

} // namespace tally::crash
