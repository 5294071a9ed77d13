#pragma once

#include "tests/crash/test_bed.hpp"

#include <cstdint>

namespace tally::crash {

struct standby_options {
    std::uint64_t rounds = 30;
    std::uint64_t seed = 1;
};

/// A primary with asynchronous standbys that are behind. Under load the primary is killed and a
/// standby promoted: alone, together with kill -9 of the daemon, and twice in a row. The daemon
/// must find the new primary, notice that records which were stored are not there, and store them
/// again out of its journal. False when something is wrong.
bool run_standby(standby_options const& options, bed_options const& bed);

} // namespace tally::crash
