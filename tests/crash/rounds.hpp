#pragma once

#include "tests/crash/test_bed.hpp"

#include <cstdint>
#include <string>

namespace tally::crash {

struct rounds_options {
    std::uint64_t rounds = 10;
    std::uint64_t seed = 1;
    std::string only; ///< name of the only failure to inject; empty: all in turn
};

/// Runs rounds of load, failure, recovery and verification on one database, and prints them. Ends
/// with the first round that finds an error, and then returns false.
bool run_rounds(rounds_options const& options, bed_options const& bed);

} // namespace tally::crash
