#pragma once

#include "tests/crash/test_bed.hpp"

#include <cstdint>

namespace tally::crash {

struct outage_options {
    double seconds = 600;
    std::uint64_t seed = 1;
};

/// Stops PostgreSQL under load for this time. The daemon's memory must stay flat; pushes go into
/// the journal until it is full, and then get 503 with Retry-After; afterwards each acknowledged
/// record must be in the database once. Prints memory, journal size and responses meanwhile. False
/// when something is wrong.
bool run_outage(outage_options const& options, bed_options const& bed);

} // namespace tally::crash
