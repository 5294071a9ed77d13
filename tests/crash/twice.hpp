#pragma once

#include "tests/crash/test_bed.hpp"

#include <cstdint>

namespace tally::crash {

struct twice_options {
    std::uint64_t pushes = 500;
    std::uint64_t seed = 1;
};

/// The same input into two databases: once, in order, through one daemon; and twice, shuffled,
/// through two daemons at once. Usage, balances, daily counts and sums must be the same to the last
/// digit. Which call of a month had the allowance depends on the order, so the cost of a single
/// call or day may differ; no sum of a subscription does, as the plan draws by the second and has
/// one price for what is drawn.
bool run_twice(twice_options const& how, bed_options const& bed);

} // namespace tally::crash
