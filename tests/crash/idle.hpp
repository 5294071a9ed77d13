#pragma once

#include "tests/crash/test_bed.hpp"

#include <cstdint>

namespace tally::crash {

struct idle_options {
    double seconds = 60; ///< how long tables are blocked; the other schedules follow from it
    std::uint64_t seed = 1;
};

/// What constant load hides: pushes with rests in between that are longer than a commit, journals
/// whose segments end at a quiet moment, very many small pushes while a table is blocked, and
/// SIGTERM or SIGKILL while one is. False when something is wrong.
bool run_idle(idle_options const& options, bed_options const& bed);

} // namespace tally::crash
