#pragma once

#include "ingest/cdr.hpp"
#include "ingest/record_error.hpp"
#include "rating/money.hpp"
#include "rating/tariff.hpp"

#include <cstdint>

namespace tally::rating {

/// What is left of a plan's included time in one subscription's billing period.
struct allowance {
    std::int64_t used_s = 0;     ///< drawn so far
    std::int64_t included_s = 0; ///< of the plan, whole period

    friend bool operator==(allowance const&, allowance const&) = default;
};

/// What a call costs and what explains it.
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

/// Rates one call (RATING section 2). Pure: no I/O, no clock, no allocation; O(steps), however
/// long the call. `left` is drawn from in the caller's order of arrival and only changed when the
/// call was rated. `error` is none, no_rate, bad_duration or amount_overflow.
rated_call rate_call(ingest::cdr const& call, tariff const& plan, allowance& left) noexcept;

} // namespace tally::rating
