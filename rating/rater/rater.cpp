#include "rating/rater/rater.hpp"

#include "rating/money/exact_cost.hpp"
#include "rating/number/match_digits.hpp"

#include <algorithm>
#include <array>
#include <span>

namespace tally::rating {

namespace {

using ingest::record_error;
using ingest::time_us;

constexpr std::int64_t ms_per_s = 1000;
/// A week: a longer duration is bad_duration. The bound also keeps the arithmetic below in range.
constexpr std::int64_t call_ms_max = std::int64_t{7} * 24 * 60 * 60 * ms_per_s;

bool within_bounds(std::int64_t ms) noexcept {
    return ms >= 0 && ms <= call_ms_max;
}

/// Checks the switch's figures against each other. The billable time comes from exact times if the
/// source has them, while `duration_ms` may be cut to whole seconds at both ends. So the billable
/// time may exceed it by up to a second.
bool has_bad_duration(ingest::cdr const& call) noexcept {
    return !within_bounds(call.duration_ms) || !within_bounds(call.billsec_ms) ||
           !within_bounds(call.billable_ms) || call.billsec_ms > call.duration_ms ||
           call.billable_ms > call.duration_ms + ms_per_s;
}

std::int64_t left_of(allowance const& a) noexcept {
    // The row in the database may have any value: a negative one must not add to the allowance.
    auto const used_s = std::max<std::int64_t>(a.used_s, 0);
    return used_s < a.included_s ? a.included_s - used_s : 0;
}

/// A run of increments of one step, charged together.
struct metered_run {
    std::int64_t begin_s = 0; ///< second of the call
    std::int64_t seconds = 0;
    std::int64_t drawn_s = 0; ///< the part of `seconds` drawn from the allowance
};

/// Moves forward along a call, increment by increment, and sums up the charges.
///
///     0        from_s of step 1            until_s
///     |--inc--|--inc--|--inc--|-inc-|-inc-|-inc-|
///                          ^ position_s: the last increment of step 0 ran over
struct call_meter {
    std::int64_t position_s = 0;  ///< where the next increment begins
    std::int64_t allowance_s = 0; ///< left in the period
    std::int64_t drawn_s = 0;     ///< the part of position_s drawn from the allowance
    exact_cost charged;
    bool fits = true;

    /// Takes every increment of `step` that begins before `until_s` (at least position_s), in one
    /// computation: the work must not grow with the length of the call.
    metered_run run(rate_step const& step, std::int64_t until_s, bool draws) noexcept {
        std::int64_t const increment_s = step.increment_s;
        std::int64_t const count = (until_s - position_s + increment_s - 1) / increment_s;

        // An increment is drawn only if the allowance covers it completely. All increments of a run
        // have the same length, so the covered ones come first and all later ones are charged.
        std::int64_t const covered = draws ? std::min(count, allowance_s / increment_s) : 0;
        metered_run const taken{position_s, count * increment_s, covered * increment_s};
        allowance_s -= taken.drawn_s;
        drawn_s += taken.drawn_s;
        position_s += taken.seconds;

        std::int64_t const charged_s = taken.seconds - taken.drawn_s;
        fits = fits && charged.add(int128{charged_s} * step.price.nanos, step.unit_s);
        return taken;
    }
};

/// An answered call and the rate that was found for it.
struct call_to_charge {
    tariff const& plan; ///< the tariff of the rate: the plan's or a fallback's
    rate_index begins_by;
    time_us answer;
    std::int64_t call_s;
};

/// The first whole second of the call at or after `moment`, at most its end.
std::int64_t second_of(call_to_charge const& call, time_us moment) noexcept {
    // No band ends ahead, and the difference below would overflow.
    if (moment == INT64_MAX) {
        return call.call_s;
    }
    return std::min(call.call_s, (moment - call.answer + ingest::us_per_s - 1) / ingest::us_per_s);
}

/// Charges by one rate up to `until_s`, step by step.
template <typename Sink>
void run_steps(tariff const& plan, rate_index index, std::int64_t until_s, call_meter& meter,
               Sink&& sink) {
    rate_terms const& terms = plan.terms_at(index.index);
    auto const steps = plan.steps_of(terms);
    for (std::size_t i = 0; i < steps.size() && meter.position_s < until_s; ++i) {
        std::int64_t const end_s =
            i + 1 == steps.size() ? until_s : std::min<std::int64_t>(until_s, steps[i + 1].from_s);
        // A long increment may have run past all of a step: then the step charges nothing.
        if (meter.position_s < end_s) {
            sink(plan, index, steps[i], meter.run(steps[i], end_s, terms.allowance));
        }
    }
}

/// Charges the whole call, band by band. Returns false when no band covers the begin of an
/// increment.
template <typename Sink>
bool run_bands(call_to_charge const& call, call_meter& meter, Sink&& sink) {
    rate_index index = call.begins_by;
    bool const splits = call.plan.head().split_at_bands;
    for (;;) {
        run_steps(call.plan, index, splits ? second_of(call, index.until) : call.call_s, meter,
                  sink);
        if (meter.position_s >= call.call_s) {
            return true;
        }

        // The last increment may run past the band's end, so the next rate is the one at its end.
        // The search stays within the group of the first rate: a call keeps its prefix and plan.
        index = call.plan.holding(index.first, call.answer,
                                  call.answer + meter.position_s * ingest::us_per_s);
        if (!index) {
            return false;
        }
    }
}

/// The exact cost within the rate's bounds, rounded. A minimum of 0 does not bound the cost, so
/// that a negative price (a refund per minute) works.
std::optional<amount> bounded(exact_cost const& cost, rate_terms const& terms,
                              rounding rounding) noexcept {
    // Bounds apply before rounding, so they are compared with the exact sum.
    exact_cost bound;
    if (terms.maximum.nanos != INT64_MAX && cost.is_above(terms.maximum)) {
        bound.add(terms.maximum);
        return bound.rounded(rounding);
    }
    if (terms.minimum.nanos != 0 && cost.is_below(terms.minimum)) {
        // The maximum wins over a minimum that is above it.
        bound.add(std::min(terms.minimum, terms.maximum));
        return bound.rounded(rounding);
    }
    return cost.rounded(rounding);
}

rated_call failed(record_error reason) noexcept {
    rated_call result;
    result.error = reason;
    return result;
}

/// Charges a call for which a rate was found. The caller fills in the rate of the result.
template <typename Sink>
rated_call charge(call_to_charge const& call, rounding rounding, allowance& left, Sink&& sink) {
    rated_call result;
    rate_terms const& terms = call.plan.terms_at(call.begins_by.index);
    rate_step const& first = call.plan.steps_of(terms).front();
    // Only shown with the call, so it is rounded by itself; the cost is not computed from it.
    auto const per_minute =
        round_fraction(int128{first.price.nanos} * 60, first.unit_s, {rounding_mode::half_up, 9});

    // A call within grace is not metered at all: it bills 0 s and draws nothing.
    call_meter meter;
    meter.allowance_s = left_of(left);
    if (call.call_s > terms.grace_s && !run_bands(call, meter, sink)) {
        return failed(record_error::no_rate);
    }
    result.billed_s = meter.position_s;
    result.allowance_s = meter.drawn_s;

    // Fee and bounds apply only if some increment was charged: a call within grace and one that the
    // allowance covers completely are free.
    std::optional<amount> cost = amount{};
    if (meter.drawn_s < meter.position_s) {
        result.connect_fee = terms.connect_fee;
        meter.charged.add(terms.connect_fee);
        cost = meter.fits ? bounded(meter.charged, terms, rounding) : std::nullopt;
    }
    if (!cost || !per_minute) {
        return failed(record_error::amount_overflow);
    }

    // The allowance changes last, so that a call that fails draws nothing.
    result.cost = *cost;
    result.rate_per_minute = *per_minute;
    left.used_s += meter.drawn_s;
    return result;
}

struct found_rate {
    tariff const* plan = nullptr; ///< the plan or one of its fallbacks
    rate_index index;
};

/// Searches the plan and then its fallbacks; within a plan the on-net rates come first.
found_rate find_rate(std::string_view digits, ingest::call_direction direction, time_us time,
                     tariff const& plan, bool on_net) noexcept {
    // At most three fallbacks deep (docs/RATING.md, Finding the rate).
    tariff const* asked = &plan;
    for (int i = 0; asked != nullptr && i <= tariff::fallbacks_max; ++i) {
        // On-net rates are a set of their own: where none of them applies, the call is an ordinary
        // one.
        if (on_net) {
            if (auto const index = asked->find_index(digits, direction, time, true)) {
                return {asked, index};
            }
        }

        if (auto const slot_index = asked->find_index(digits, direction, time, false)) {
            return {asked, slot_index};
        }
        asked = asked->fallback();
    }
    return {};
}

template <typename Sink>
rated_call rate_with(ingest::cdr const& call, tariff const& plan, allowance& left, bool on_net,
                     Sink&& sink) {
    // Figures that contradict each other are not charged (docs/RATING.md, Billable duration).
    if (has_bad_duration(call)) {
        return failed(record_error::bad_duration);
    }

    // The versions in effect at the answer apply to the whole call. The bound is far outside any
    // calendar, and small enough that adding a call's length cannot overflow.
    bool const answered = call.answer != ingest::never_us;
    constexpr time_us moment_max = time_us{1} << 61;
    time_us const time = std::clamp(answered ? call.answer : call.start, -moment_max, moment_max);

    // The rate is found before the call is known to cost something: a zero-rated call keeps it.
    std::array<char, prefix_index::digits_max> buffer;
    auto const found =
        find_rate(match_digits(call.destination, buffer), call.direction, time, plan, on_net);
    rate const* const rate =
        found.plan == nullptr ? nullptr : &found.plan->rates()[found.index.index];

    // A zero-rated call needs no rate, but keeps the one that was found: it explains the call.
    rated_call result;
    if (!answered || call.billable_ms == 0) {
        result.zero_rated = true;
        result.charged_rate = rate;
        return result;
    }
    if (rate == nullptr) {
        return failed(record_error::no_rate);
    }

    // A started second is charged as a whole second.
    std::int64_t const call_s = (call.billable_ms + ms_per_s - 1) / ms_per_s;
    result =
        charge({*found.plan, found.index, time, call_s}, plan.head().rounding_mode, left, sink);
    result.charged_rate = result.error == record_error::none ? rate : nullptr;
    return result;
}

/// Adds a run as a new piece, or to the last piece when the run continues its step.
void add_piece(tariff const& plan, rate_index index, rate_step const& step, metered_run const& run,
               std::vector<charged_piece>& pieces) {
    rate const& rate = plan.rates()[index.index];
    if (pieces.empty() || pieces.back().charged_rate != &rate || pieces.back().step != step) {
        charged_piece piece;
        piece.charged_rate = &rate;
        piece.in_band = rate.band == any_band ? nullptr : &plan.bands()[rate.band];
        piece.step = step;
        piece.begin_s = run.begin_s;
        pieces.push_back(piece);
    }

    // Recomputed from the whole piece, so that the sum of its runs is rounded once.
    charged_piece& piece = pieces.back();
    piece.seconds += run.seconds;
    piece.allowance_s += run.drawn_s;
    piece.cost = round_fraction(int128{piece.seconds - piece.allowance_s} * step.price.nanos,
                                step.unit_s, {rounding_mode::half_up, 9});
}

} // namespace

rated_call rate_call(ingest::cdr const& call, tariff const& plan, allowance& left,
                     bool on_net) noexcept {
    return rate_with(call, plan, left, on_net, [](auto const&...) {});
}

rated_call explain_call(ingest::cdr const& call, tariff const& plan, allowance& left, bool on_net,
                        std::vector<charged_piece>& pieces) {
    pieces.clear();
    auto const result = rate_with(
        call, plan, left, on_net,
        [&pieces](tariff const& tariff_plan, rate_index index, rate_step const& step,
                  metered_run const& run) { add_piece(tariff_plan, index, step, run, pieces); });
    // A call without a cost has no pieces: those before the gap would explain nothing.
    if (result.error != record_error::none) {
        pieces.clear();
    }
    return result;
}

} // namespace tally::rating
