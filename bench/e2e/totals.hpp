#pragma once

#include "bench/e2e/database_link.hpp"

#include <cstdint>
#include <string>

namespace tally::bench {

/// Compares the cost of the calls, to the last digit, with the change of the balances, the usage
/// and the daily aggregates: in total, per account and per subscription. Throws with the
/// difference. Returns the sum of the costs.
std::string check_totals(database_link& link, std::uint64_t calls_expected);

} // namespace tally::bench
