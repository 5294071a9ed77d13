#pragma once

#include "rating/rater/rater.hpp"

#include <boost/multiprecision/cpp_int.hpp>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tally::rating::tests {

using fraction = boost::multiprecision::cpp_rational;
using integer = boost::multiprecision::cpp_int;

/// A plan and its fallbacks, one behind the other; their `fallback` is not looked at.
using plan_chain = std::vector<tariff::content>;

/// An answered call, as the slow rater asks for it.
struct reference_call {
    std::string digits;
    ingest::call_direction direction = ingest::call_direction::outbound;
    ingest::time_us answer = 0;
    std::int64_t call_s = 0;
    bool on_net = false;
};

/// What the slow, obvious rater says of an answered call.
struct reference_result {
    rate const* by = nullptr;   ///< in the chain; nullptr: no rate for all of the call
    std::optional<amount> cost; ///< nullopt: does not fit an amount
    std::int64_t billed_s = 0;
    std::int64_t allowance_s = 0;
    bool pays_connect_fee = false;
};

/// Rates a call increment by increment in exact fractions of any size, looking at every rate and
/// every band anew for each, with the date library's clocks: nothing shared with the rater it is
/// compared with, nothing clever, as slow as the call is long.
reference_result reference_rate(plan_chain const& plans, reference_call const& call,
                                std::int64_t allowance_left_s);

/// The same of a rate that stands alone and matches.
reference_result reference_rate(rate const& by, std::int64_t call_s, std::int64_t allowance_left_s,
                                rounding how);

/// Whether a band covers a moment, by the clocks of `zone_name`.
bool reference_covers(band const& one, std::string const& zone_name, ingest::time_us moment);

/// A fraction of nanos within a rate's bounds.
fraction reference_bounded(fraction sum, rate const& by);

/// A fraction of nanos rounded to `how.decimals` of a currency unit.
integer reference_round(fraction const& nanos, rounding how);

/// nullopt when it does not fit.
std::optional<amount> reference_amount(integer const& nanos);

} // namespace tally::rating::tests
