#include "tests/crash/failure.hpp"

#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <csignal>

namespace tally::crash {

namespace {

using tests::private_postgres;

/// The process id of a lane's session; 0 when there is none at the moment.
pid_t some_session(scene& target) {
    auto const sessions = target.bed.lane_sessions();
    return sessions.empty() ? 0 : sessions[target.random.below(sessions.size())];
}

} // namespace

// When one process dies, the server ends all sessions and recovers.
void kill_session(scene& target) {
    if (auto const session = some_session(target); session != 0) {
        ::kill(session, SIGKILL);
        target.tell("the session of a lane killed");
    }
}

void stop_session(scene& target) {
    if (auto const session = some_session(target); session != 0) {
        ::kill(session, SIGSTOP);
        auto const time = target.wait(100, 1000);
        ::kill(session, SIGCONT);
        target.tell("the session of a lane stood still for " + std::to_string(time.count()) +
                    " ms");
    }
}

void end_sessions(scene& target) {
    auto const times = target.random.between(2, 6);
    for (std::uint64_t i = 0; i < times; ++i) {
        tests::execute(target.bed.database(),
                       "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname ="
                       " current_database() AND application_name LIKE 'tallyd lane%'");
        target.wait(5, 120);
    }
    target.tell("sessions of all lanes ended " + std::to_string(times) + " times");
}

void kill_server(scene& target) {
    private_postgres::shared().crash_and_restart(SIGKILL);
    target.tell("PostgreSQL killed and restarted");
}

void shut_server(scene& target) {
    private_postgres::shared().crash_and_restart(SIGQUIT);
    target.tell("PostgreSQL shut down at once and restarted");
}

void restart_server(scene& target) {
    private_postgres::shared().stop();
    auto const time = target.wait(100, 800);
    private_postgres::shared().start();
    target.tell("PostgreSQL was away for " + std::to_string(time.count()) + " ms");
}

} // namespace tally::crash
