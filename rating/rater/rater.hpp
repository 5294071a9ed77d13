#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/money/money.hpp"
#include "rating/tariff/tariff.hpp"

#include <cstdint>
#include <optional>
#include <vector>

namespace tally::rating {

/// What is left of a plan's included time in one subscription's billing period.
struct allowance {
    std::int64_t used_s = 0;     ///< drawn so far
    std::int64_t included_s = 0; ///< of the plan, whole period

    friend bool operator==(allowance const&, allowance const&) = default;
};

/// What a call costs and what explains it. The fee, the price per minute and `by` are those of the
/// band the call began in.
struct rated_call {
    ingest::record_error error = ingest::record_error::none; ///< no_rate, bad_duration, ...
    bool zero_rated = false;      ///< unanswered or zero seconds: cost 0, no fee
    rate const* by = nullptr;     ///< nullptr for a zero-rated call that no rate matches
    std::int64_t billed_s = 0;    ///< whole increments, those of the allowance included
    std::int64_t allowance_s = 0; ///< of billed_s, drawn from the allowance
    amount cost;                  ///< rounded once
    amount connect_fee;           ///< charged; 0 when the allowance covered the whole call
    amount rate_per_minute;       ///< price of the step the call began in, per 60 s
};

/// Rates one call (docs/RATING.md, from Billable duration to Fee, bounds and rounding). Pure: no
/// I/O, no clock, no allocation; O(steps + moments at which bands begin or end), however long the
/// call. `left` is drawn from in the caller's order of arrival and only changed when the call was
/// rated. `on_net` is guided::on_net. `error` is none, no_rate, bad_duration or amount_overflow.
///
/// When the plan has no rate its fallback plans are asked, at most tariff::fallbacks_max of them.
/// `by` may then be a rate of one of these, with its bands and zone; rounding and allowance stay
/// those of `plan`.
rated_call rate_call(ingest::cdr const& call, tariff const& plan, allowance& left,
                     bool on_net = false) noexcept;

/// A stretch of a call that was charged by one step of one rate.
struct charged_piece {
    rate const* by = nullptr;      ///< of the plan or of a fallback
    band const* in_band = nullptr; ///< nullptr: any
    rate_step step;
    std::int64_t begin_s = 0;     ///< second of the call
    std::int64_t seconds = 0;     ///< whole increments
    std::int64_t allowance_s = 0; ///< of seconds, drawn from the allowance
    /// Of the others, to the nearest nano: a call's pieces may miss its cost by a nano each, and by
    /// fee, bounds and rounding. nullopt: does not fit an amount (a maximum may make good for it).
    std::optional<amount> cost;

    friend bool operator==(charged_piece const&, charged_piece const&) = default;
};

/// As rate_call, by the same code, and says how the seconds were charged: pieces in the order of
/// the call, without gaps, none for a call that is free or has an error. Allocates.
rated_call explain_call(ingest::cdr const& call, tariff const& plan, allowance& left, bool on_net,
                        std::vector<charged_piece>& pieces);

} // namespace tally::rating
