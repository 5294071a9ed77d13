#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/money/money.hpp"
#include "rating/tariff/tariff.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tally::rating {

/// The included time of one subscription's billing period, and how much of it is used.
struct allowance {
    std::int64_t used_s = 0;     ///< drawn so far
    std::int64_t included_s = 0; ///< of the plan, for the whole period

    friend bool operator==(allowance const&, allowance const&) = default;
};

/// The cost of a call and the figures that explain it. The fee, the price per minute and the rate
/// are those of the band in which the call was answered.
struct rated_call {
    ingest::record_error error = ingest::record_error::none; ///< no_rate, bad_duration, ...
    bool zero_rated = false; ///< unanswered or zero seconds: cost 0, no fee
    rate const* charged_rate =
        nullptr;                  ///< nullptr for an error and for a zero-rated call without a rate
    std::int64_t billed_s = 0;    ///< whole increments, including those of the allowance
    std::int64_t allowance_s = 0; ///< the part of billed_s that the allowance covered
    amount cost;                  ///< rounded once
    amount connect_fee;           ///< as charged; 0 when the allowance covered the whole call
    amount rate_per_minute;       ///< price of the rate's first step, per 60 s
};

/// Rates one call (docs/RATING.md, from Billable duration to Fee, bounds and rounding).
///
///     allowance left{0, plan.head().included_s};
///     rated_call const rated = rate_call(call, plan, left);
///     if (rated.error == ingest::record_error::none) {
///         to_string(rated.cost); // "0.7167": 130 s, fee 0.40, 60/60 at 0.2, then 60/1 at 0.1
///     }
///
/// Pure: no I/O, no clock, no allocation. The time is O(steps + moments at which bands begin or
/// end), whatever the length of the call. The call draws from `left`, which changes only when the
/// call was rated; the caller rates the calls of a period in their order of arrival. `on_net` is
/// guided::on_net. `error` is none, no_rate, bad_duration or amount_overflow.
///
/// When the plan has no rate, its fallback plans are searched, at most tariff::fallbacks_max of
/// them. The rate then has the bands and the zone of its own plan; rounding and allowance remain
/// those of `plan`.
rated_call rate_call(ingest::cdr const& call, tariff const& plan, allowance& left,
                     bool on_net = false) noexcept;

/// A part of a call that was charged by one step of one rate.
struct charged_piece {
    rate const* charged_rate = nullptr; ///< of the plan or of a fallback
    band const* in_band = nullptr;      ///< nullptr: a rate without a band
    rate_step step;
    std::int64_t begin_s = 0;     ///< second of the call
    std::int64_t seconds = 0;     ///< whole increments
    std::int64_t allowance_s = 0; ///< the part of `seconds` that the allowance covered
    /// Cost of the other seconds, to the nearest nano. The sum over a call's pieces may differ from
    /// the call's cost by a nano per piece, and by fee, bounds and rounding. nullopt: does not fit
    /// an amount (the call's cost still fits if a maximum bounds it).
    std::optional<amount> cost;

    friend bool operator==(charged_piece const&, charged_piece const&) = default;
};

/// As rate_call, by the same code, and also gives the pieces in which the call was charged: in the
/// order of the call, without gaps; none for a call that is free or has an error. Allocates.
rated_call explain_call(ingest::cdr const& call, tariff const& plan, allowance& left, bool on_net,
                        std::vector<charged_piece>& pieces);

} // namespace tally::rating
