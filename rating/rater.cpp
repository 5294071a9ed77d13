#include "rating/rater.hpp"

#include "rating/exact_cost.hpp"
#include "rating/guide.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace tally::rating {

namespace {

using ingest::record_error;

constexpr std::int64_t ms_per_s = 1000;
constexpr std::int64_t call_ms_max = std::int64_t{7} * 24 * 60 * 60 * ms_per_s;

bool within_bounds(std::int64_t ms) noexcept {
    return ms >= 0 && ms <= call_ms_max;
}

/// The switch's figures are held against each other. What is billed comes from exact times when the
/// source has them: whole seconds cut both ends off, so it may pass `duration` by up to a second.
bool has_bad_duration(ingest::cdr const& call) noexcept {
    return !within_bounds(call.duration_ms) || !within_bounds(call.billsec_ms) ||
           !within_bounds(call.billable_ms) || call.billsec_ms > call.duration_ms ||
           call.billable_ms > call.duration_ms + ms_per_s;
}

std::int64_t left_of(allowance const& a) noexcept {
    auto const used_s = std::max<std::int64_t>(a.used_s, 0);
    return used_s < a.included_s ? a.included_s - used_s : 0;
}

/// Runs along a call from increment to increment, summing up; never back.
///
///     0        from_s of step 1            until_s
///     |--inc--|--inc--|--inc--|-inc-|-inc-|-inc-|
///                          ^ position_s: the last increment of step 0 ran over
struct call_meter {
    std::int64_t position_s = 0;  ///< where the next increment begins
    std::int64_t allowance_s = 0; ///< left in the period
    std::int64_t drawn_s = 0;     ///< from the allowance, of position_s
    exact_cost charged;
    bool fits = true;

    /// Takes every increment of `step` that begins before `until_s`, all at once. Those that the
    /// allowance covers come first; the first that it does not cover is charged, and so are all
    /// behind it, since they are of the same length.
    void run(rate_step const& step, std::int64_t until_s) noexcept {
        if (position_s >= until_s) {
            return;
        }
        std::int64_t const increment_s = step.increment_s;
        std::int64_t const count = (until_s - position_s + increment_s - 1) / increment_s;
        std::int64_t const covered = std::min(count, allowance_s / increment_s);
        std::int64_t const charged_s = (count - covered) * increment_s;
        allowance_s -= covered * increment_s;
        drawn_s += covered * increment_s;
        position_s += count * increment_s;
        fits = fits && charged.add(int128{charged_s} * step.price.nanos, step.unit_s);
    }
};

call_meter measure(std::span<rate_step const> steps, std::int64_t call_s,
                   std::int64_t allowance_s) noexcept {
    call_meter meter;
    meter.allowance_s = allowance_s;
    for (std::size_t i = 0; i < steps.size() && meter.position_s < call_s; ++i) {
        bool const last = i + 1 == steps.size();
        meter.run(steps[i], last ? call_s : std::min<std::int64_t>(call_s, steps[i + 1].from_s));
    }
    return meter;
}

/// The exact cost within the rate's bounds, rounded. A minimum of 0 is no bound, so that a price
/// below zero (a refund per minute) works.
std::optional<amount> bounded(exact_cost const& cost, rate_terms const& by, rounding how) noexcept {
    exact_cost bound;
    if (by.maximum.nanos != INT64_MAX && cost.is_above(by.maximum)) {
        bound.add(by.maximum);
        return bound.rounded(how);
    }
    if (by.minimum.nanos != 0 && cost.is_below(by.minimum)) {
        bound.add(std::min(by.minimum, by.maximum));
        return bound.rounded(how);
    }
    return cost.rounded(how);
}

rated_call failed(record_error why) noexcept {
    rated_call result;
    result.error = why;
    return result;
}

/// A call of `call_s` billable seconds by the rate that was found for it; `by` is left to the
/// caller to fill in.
rated_call charge(tariff const& plan, rate_terms const& by, std::int64_t call_s,
                  allowance& left) noexcept {
    rated_call result;
    auto const steps = plan.steps_of(by);
    rate_step const& first = steps.front();
    auto const per_minute =
        round_fraction(int128{first.price.nanos} * 60, first.unit_s, {rounding_mode::half_up, 9});
    if (!per_minute) {
        return failed(record_error::amount_overflow);
    }
    result.rate_per_minute = *per_minute;
    if (call_s <= by.grace_s) {
        return result;
    }
    call_meter meter = measure(steps, call_s, by.allowance ? left_of(left) : 0);
    result.billed_s = meter.position_s;
    result.allowance_s = meter.drawn_s;
    if (meter.drawn_s < meter.position_s) { // not wholly covered
        result.connect_fee = by.connect_fee;
        meter.charged.add(by.connect_fee);
        auto const cost = meter.fits ? bounded(meter.charged, by, plan.head().how) : std::nullopt;
        if (!cost) {
            return failed(record_error::amount_overflow);
        }
        result.cost = *cost;
    }
    left.used_s += meter.drawn_s;
    return result;
}

} // namespace

rated_call rate_call(ingest::cdr const& call, tariff const& plan, allowance& left) noexcept {
    if (has_bad_duration(call)) {
        return failed(record_error::bad_duration);
    }
    std::array<char, prefix_index::digits_max> buffer;
    auto const digits = match_digits(call.destination, buffer);
    bool const answered = call.answer != ingest::never_us;
    auto const place = plan.find_place(digits, call.direction, answered ? call.answer : call.start);
    rate const* const by = place == tariff::no_place ? nullptr : plan.rates().data() + place;
    rated_call result;
    if (!answered || call.billable_ms == 0) {
        result.zero_rated = true;
        result.by = by;
        return result;
    }
    if (by == nullptr) {
        return failed(record_error::no_rate);
    }
    std::int64_t const call_s = (call.billable_ms + ms_per_s - 1) / ms_per_s;
    result = charge(plan, plan.terms_at(place), call_s, left);
    result.by = result.error == record_error::none ? by : nullptr;
    return result;
}

} // namespace tally::rating
