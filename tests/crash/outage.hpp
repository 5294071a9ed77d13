#pragma once

#include "tests/crash/test_bed.hpp"

#include <cstdint>

namespace tally::crash {

struct outage_options {
    double seconds = 600;
    std::uint64_t seed = 1;
};

/// PostgreSQL is stopped under load for so long: the daemon's memory stays flat, pushes go to the
/// journal until it is full and get 503 with Retry-After then, and afterwards all of them is in the
/// database once. Prints memory, journal and answers as time goes by; false when something is
/// wrong.
bool run_outage(outage_options const& how, bed_options const& bed);

} // namespace tally::crash
