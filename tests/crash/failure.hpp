#pragma once

#include "tests/crash/repeatable_random.hpp"
#include "tests/crash/test_bed.hpp"

#include <chrono>
#include <span>
#include <string>
#include <string_view>

namespace tally::crash {

/// What a failure may use while pushes arrive.
struct scene {
    test_bed& bed;
    load& pushes;
    repeatable_random& random;
    daemon_plan plan;     ///< the settings with which daemons are started
    bool has_two_daemons; ///< daemon 1 writes to the same database
    std::uint64_t seed;   ///< of the run
    std::string& story;   ///< the actions, for the report
    std::string& finding; ///< what went wrong; empty: nothing

    void tell(std::string const& what) { story += (story.empty() ? "" : ", ") + what; }
    /// Waits for a random time, so that each round fails at another moment.
    std::chrono::milliseconds wait(std::uint64_t from_ms, std::uint64_t to_ms);
    /// A random number of lanes.
    daemon_plan any_lanes();
};

/// A kind of failure. When it returns, everything that it stopped runs again.
struct failure_kind {
    std::string_view name;
    std::string_view what; ///< for --help
    void (*happen)(scene&);
    bool needs_proxy = false;
    bool needs_failing_disk = false;
    bool needs_two_daemons = false;
};

std::span<failure_kind const> failure_kinds();

// Grouped by what they hit: daemon, server, link, disk, import.
void kill_daemon(scene& on);
void kill_replay(scene& on);
void stop_daemon(scene& on);
void hurry_daemon(scene& on);
void wake_late(scene& on);
void kill_session(scene& on);
void stop_session(scene& on);
void end_sessions(scene& on);
void kill_server(scene& on);
void shut_server(scene& on);
void restart_server(scene& on);
void cut_copy(scene& on);
void cut_commit(scene& on);
void fill_disk(scene& on);
void break_disk(scene& on);
void kill_import(scene& on);

} // namespace tally::crash
