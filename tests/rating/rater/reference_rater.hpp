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

/// A plan followed by its fallbacks; the fallback that each names is ignored.
using plan_chain = std::vector<tariff::content>;

/// An answered call, as input of the slow rater.
struct reference_call {
    std::string digits;
    ingest::call_direction direction = ingest::call_direction::outbound;
    ingest::time_us answer = 0;
    std::int64_t call_s = 0;
    bool on_net = false;
};

/// The result of the slow, obvious rater for an answered call.
struct reference_result {
    rate const* charged_rate = nullptr; ///< in the chain; nullptr: no rate for all of the call
    std::optional<amount> cost;         ///< nullopt: does not fit an amount
    std::int64_t billed_s = 0;
    std::int64_t allowance_s = 0;
    bool pays_connect_fee = false;
};

/// Rates a call increment by increment in exact fractions of any size. For each increment it looks
/// at every rate and every band, with the date library's clocks. It shares no code with the rater
/// under test and has no optimization; its time grows with the length of the call.
reference_result reference_rate(plan_chain const& plans, reference_call const& call,
                                std::int64_t allowance_left_s);

/// The same for a single rate that matches.
reference_result reference_rate(rate const& rate, std::int64_t call_s,
                                std::int64_t allowance_left_s, rounding rounding);

/// Whether a band covers a moment, by the clocks of `zone_name`.
bool reference_covers(band const& one, std::string const& zone_name, ingest::time_us moment);

/// A fraction of nanos, limited to a rate's bounds.
fraction reference_bounded(fraction sum, rate const& rate);

/// A fraction of nanos rounded to `how.decimals` of a currency unit.
integer reference_round(fraction const& nanos, rounding rounding);

/// nullopt when it does not fit.
std::optional<amount> reference_amount(integer const& nanos);

} // namespace tally::rating::tests
