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

    void tell(std::string const& text) { story += (story.empty() ? "" : ", ") + text; }
    /// Waits for a random time, so that each round fails at another moment.
    std::chrono::milliseconds wait(std::uint64_t from_ms, std::uint64_t to_ms);
    /// A random number of lanes.
    daemon_plan any_lanes();
};

/// A kind of failure. When it returns, everything that it stopped runs again.
struct failure_kind {
    std::string_view name;
    std::string_view text; ///< for --help
    void (*happen)(scene&);
    bool needs_proxy = false;
    bool needs_failing_disk = false;
    bool needs_two_daemons = false;
};

std::span<failure_kind const> failure_kinds();

// Grouped by what they hit: daemon, server, link, disk, import.
void kill_daemon(scene& target);
void kill_replay(scene& target);
void stop_daemon(scene& target);
void shorten_drain(scene& target);
void wake_late(scene& target);
void kill_session(scene& target);
void stop_session(scene& target);
void end_sessions(scene& target);
void kill_server(scene& target);
void shut_server(scene& target);
void restart_server(scene& target);
void cut_copy(scene& target);
void cut_commit(scene& target);
void fill_disk(scene& target);
void break_disk(scene& target);
void kill_import(scene& target);

} // namespace tally::crash
