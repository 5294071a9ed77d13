#pragma once

#include "tests/crash/test_bed.hpp"

#include <cstdint>
#include <string>

namespace tally::crash {

struct rounds_options {
    std::uint64_t rounds = 10;
    std::uint64_t seed = 1;
    std::string only; ///< name of the one failure to try; empty: all in turn
};

/// Rounds of load, failure, recovery and verification on one database. Prints what it does; false
/// when something is wrong. Ends with the first round that finds anything.
bool run_rounds(rounds_options const& how, bed_options const& bed);

} // namespace tally::crash
