#pragma once

#include "rating/rater.hpp"

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <optional>

namespace tally::rating::tests {

using fraction = boost::multiprecision::cpp_rational;
using integer = boost::multiprecision::cpp_int;

/// What the slow, obvious rater says of an answered call.
struct reference_result {
    std::optional<amount> cost; ///< nullopt: does not fit an amount
    std::int64_t billed_s = 0;
    std::int64_t allowance_s = 0;
    bool pays_connect_fee = false;
};

/// Rates a call increment by increment in exact fractions of any size: nothing shared with the
/// rater it is compared with, nothing clever, as slow as the call is long.
reference_result reference_rate(rate const& by, std::int64_t call_s, std::int64_t allowance_left_s,
                                rounding how);

/// A fraction of nanos rounded to `how.decimals` of a currency unit.
integer reference_round(fraction const& nanos, rounding how);

/// nullopt when it does not fit.
std::optional<amount> reference_amount(integer const& nanos);

} // namespace tally::rating::tests
