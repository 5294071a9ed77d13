#include "tests/crash/failure.hpp"

#include <array>
#include <thread>

namespace tally::crash {

namespace {

constexpr std::array kinds{
    failure_kind{"kill-daemon", "kill -9 of a daemon, restarted with other lanes", kill_daemon},
    failure_kind{"kill-server", "kill -9 of the whole PostgreSQL", kill_server},
    failure_kind{"wake-late", "SIGSTOP of one of two daemons for long, then SIGCONT", wake_late,
                 false, false, true},
    failure_kind{"kill-session", "kill -9 of a lane's PostgreSQL process", kill_session},
    failure_kind{"cut-commit", "connections are cut around COMMIT", cut_commit, true},
    failure_kind{"kill-replay", "kill -9 of a daemon, and again while it recovers", kill_replay},
    failure_kind{"fill-disk", "no space is left for the journal", fill_disk, false, true},
    failure_kind{"cut-copy", "connections are cut in the middle of COPY", cut_copy, true},
    failure_kind{"kill-import", "kill -9 of tallyd import, and again", kill_import},
    failure_kind{"stop-session", "SIGSTOP of a lane's PostgreSQL process", stop_session},
    failure_kind{"break-disk", "the journal's disk returns EIO", break_disk, false, true},
    failure_kind{"shut-server", "immediate shutdown of PostgreSQL", shut_server},
    failure_kind{"stop-daemon", "SIGSTOP of a daemon", stop_daemon},
    failure_kind{"hurry-daemon", "SIGTERM twice: the drain is cut short", shorten_drain},
    failure_kind{"restart-server", "PostgreSQL is stopped and started", restart_server},
    failure_kind{"end-sessions", "pg_terminate_backend of all lanes, several times", end_sessions},
};

} // namespace

std::span<failure_kind const> failure_kinds() {
    return kinds;
}

std::chrono::milliseconds scene::wait(std::uint64_t from_ms, std::uint64_t to_ms) {
    std::chrono::milliseconds const time{random.between(from_ms, to_ms)};
    std::this_thread::sleep_for(time);
    return time;
}

daemon_plan scene::any_lanes() {
    plan.lanes = static_cast<unsigned>(random.between(1, 4));
    return plan;
}

} // namespace tally::crash
