#pragma once

#include "bench/e2e/database_link.hpp"

#include <cstdint>
#include <string>

namespace tally::bench {

/// Compares what the calls cost, to the last digit, with the balances that were moved, with the
/// usage and with the daily aggregates: in sum, per account and per subscription. Throws and says
/// what differs. Gives the sum of the costs.
std::string check_totals(database_link& link, std::uint64_t calls_expected);

} // namespace tally::bench
