#pragma once

#include "tests/crash/test_bed.hpp"

#include <cstdint>

namespace tally::crash {

struct twice_options {
    std::uint64_t pushes = 500;
    std::uint64_t seed = 1;
};

/// Sends the same input into two databases: once, in order, through one daemon; and twice,
/// shuffled, through two daemons at once. Usage, balances, daily counts and sums must be equal to
/// the last digit. The order decides which call of a month draws the allowance, so the cost of a
/// single call or day may differ. The sums of a subscription do not: the plan draws by the second,
/// and all drawn seconds have one price.
bool run_twice(twice_options const& options, bed_options const& bed);

} // namespace tally::crash
