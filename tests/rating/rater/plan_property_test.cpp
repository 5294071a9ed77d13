#include "rating/rater/rater.hpp"

#include "tests/rating/rater/builders.hpp"
#include "tests/rating/rater/random_plans.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

// Compares the rater with the slow rater and with properties of every correct rater, on random
// plans with bands, zones, fallbacks and on-net rates. RC_PARAMS="max_success=..." sets the number
// of runs.

namespace tally::rating::tests {
namespace {

using ingest::record_error;

/// Calls rated per random tariff: building a tariff takes longer than rating a call.
constexpr int calls_per_tariff = 40;

bool per_minute_fits(rate const& r) {
    rate_step const& first = r.steps.front();
    fraction const per_minute(integer(first.price.nanos) * 60, integer(first.unit_s));
    return reference_amount(reference_round(per_minute, {rounding_mode::half_up, 9})).has_value();
}

/// The pieces have no gaps and add up to the billed time, and their costs add up to the cost.
void check_pieces(std::vector<charged_piece> const& pieces, rated_call const& rated,
                  rounding rounding) {
    std::int64_t next_s = 0;
    std::int64_t drawn_s = 0;
    fraction sum = 0;
    for (auto const& piece : pieces) {
        RC_ASSERT(piece.begin_s == next_s);
        RC_ASSERT(piece.seconds > 0);
        RC_ASSERT(piece.seconds % piece.step.increment_s == 0);
        RC_ASSERT((piece.in_band == nullptr) == (piece.charged_rate->band == any_band));
        next_s += piece.seconds;
        drawn_s += piece.allowance_s;
        fraction const cost(integer(piece.step.price.nanos) * (piece.seconds - piece.allowance_s),
                            integer(piece.step.unit_s));
        RC_ASSERT(piece.cost ==
                  reference_amount(reference_round(cost, {rounding_mode::half_up, 9})));
        sum += cost;
    }
    RC_ASSERT(next_s == rated.billed_s);
    RC_ASSERT(drawn_s == rated.allowance_s);
    if (rated.billed_s == 0 || drawn_s == next_s) {
        RC_ASSERT(rated.cost == amount{});
        return;
    }
    RC_ASSERT(rated.cost == reference_amount(reference_round(
                                reference_bounded(sum + rated.charged_rate->connect_fee.nanos,
                                                  *rated.charged_rate),
                                rounding)));
}

/// Rates one call by both raters and draws from `left` as a caller would. Returns the number of
/// pieces.
std::size_t compare(random_tariff const& key, reference_call const& call, allowance& left) {
    allowance const before = left;
    auto const expected = reference_rate(key.plans, call, before.included_s - before.used_s);
    auto const cdr = cdr_of(call);
    auto const got = rate_call(cdr, *key.built, left, call.on_net);
    allowance explained_left = before;
    std::vector<charged_piece> pieces;
    auto const explained = explain_call(cdr, *key.built, explained_left, call.on_net, pieces);
    RC_ASSERT(explained_left == left);
    RC_ASSERT(explained.error == got.error);
    RC_ASSERT(explained.cost == got.cost);
    if (expected.charged_rate == nullptr || !expected.cost ||
        !per_minute_fits(*expected.charged_rate)) {
        RC_ASSERT(got.error == (expected.charged_rate == nullptr ? record_error::no_rate
                                                                 : record_error::amount_overflow));
        RC_ASSERT(left == before);
        RC_ASSERT(pieces.empty());
        return 0;
    }
    RC_ASSERT(got.error == record_error::none);
    RC_ASSERT(got.charged_rate->id == expected.charged_rate->id);
    RC_ASSERT(to_string(got.cost) == to_string(*expected.cost));
    RC_ASSERT(got.billed_s == expected.billed_s);
    RC_ASSERT(got.allowance_s == expected.allowance_s);
    RC_ASSERT(got.connect_fee ==
              (expected.pays_connect_fee ? expected.charged_rate->connect_fee : amount{}));
    RC_ASSERT(left.used_s == before.used_s + got.allowance_s);
    RC_ASSERT(left.used_s <= left.included_s);
    check_pieces(pieces, got, key.plans.front().head.rounding_mode);
    return pieces.size();
}

void compare_many(plan_wishes const& wishes) {
    auto const key = random_plans(wishes);
    allowance left{0, *rc::gen::inRange<std::int64_t>(0, key.is_coarse ? 500'000 : 3000)};
    bool is_cut = false;
    for (int i = 0; i < calls_per_tariff; ++i) {
        is_cut = compare(key, random_call(key), left) > 1 || is_cut;
    }
    RC_CLASSIFY(is_cut, "a call was charged in pieces");
}

RC_GTEST_PROP(plan_property, agrees_with_the_slow_rater, ()) {
    compare_many({});
}

RC_GTEST_PROP(plan_property, agrees_with_the_slow_rater_on_prices_below_zero, ()) {
    compare_many({.price_low = -2'000'000'000, .price_high = 2'000'000'000});
}

RC_GTEST_PROP(plan_property, agrees_with_the_slow_rater_near_what_fits, ()) {
    compare_many({.price_low = 0, .price_high = INT64_MAX / 9});
}

// Increments do not depend on the length of the call: those of the shorter call are the first ones
// of the longer. So, if prices, fees and bounds are not negative, a longer call with the same
// answer time and the same allowance costs as much or more. And if the shorter call has no rate,
// the longer one has no rate either.
RC_GTEST_PROP(plan_property, a_longer_call_never_costs_less, ()) {
    auto const key = random_plans({});
    auto call = random_call(key);
    allowance const start{0, *rc::gen::inRange<std::int64_t>(0, 2000)};
    std::vector<std::int64_t> seconds{call.call_s};
    for (int i = 0; i < calls_per_tariff; ++i) {
        seconds.push_back(*rc::gen::inRange<std::int64_t>(1, key.is_coarse ? 300'000 : 1000));
    }
    std::sort(seconds.begin(), seconds.end());
    rated_call last;
    for (std::int64_t const s : seconds) {
        call.call_s = s;
        allowance left = start;
        auto const rated = rate_call(cdr_of(call), *key.built, left, call.on_net);
        if (last.error != record_error::none) {
            RC_ASSERT(rated.error == last.error);
        } else if (rated.error == record_error::none) {
            RC_ASSERT(rated.cost >= last.cost);
            RC_ASSERT(rated.billed_s >= last.billed_s);
            RC_ASSERT(rated.allowance_s >= last.allowance_s);
            RC_ASSERT(left.used_s <= left.included_s);
        }
        last = rated;
    }
}

bool same(rated_call const& a, rated_call const& b) {
    return a.error == b.error && a.cost == b.cost && a.billed_s == b.billed_s &&
           a.allowance_s == b.allowance_s &&
           (a.charged_rate == nullptr) == (b.charged_rate == nullptr) &&
           (a.charged_rate == nullptr || a.charged_rate->id == b.charged_rate->id);
}

RC_GTEST_PROP(plan_property, a_longer_prefix_changes_its_own_numbers_only, ()) {
    auto const before = random_plans({});
    auto plans = before.plans;
    auto added = rate_of("442", {step(0, "77", 60, 60)});
    added.id = id_of(255);
    added.is_on_net = *rc::gen::arbitrary<bool>();
    plans.front().rates.push_back(added);
    auto const after = built_of(plans);
    for (int i = 0; i < calls_per_tariff; ++i) {
        auto const call = random_call(before);
        allowance left_before{0, 300};
        allowance left_after{0, 300};
        auto const was = rate_call(cdr_of(call), *before.built, left_before, call.on_net);
        auto const is = rate_call(cdr_of(call), *after, left_after, call.on_net);
        bool const is_its_own = call.digits.starts_with("442") &&
                                call.direction == added.direction &&
                                (call.on_net || !added.is_on_net);
        bool const by_longer =
            is.charged_rate == nullptr || is.charged_rate->prefix.starts_with("442");
        RC_ASSERT(same(was, is) || (is_its_own && by_longer));
    }
}

RC_GTEST_PROP(plan_property, a_band_that_no_rate_names_changes_nothing, ()) {
    auto const before = random_plans({});
    auto plans = before.plans;
    for (auto& plan : plans) {
        band idle;
        idle.from_s = *rc::gen::inRange(0, band::day_s);
        idle.to_s = *rc::gen::inRange(0, band::day_s);
        idle.weight = 100;
        plan.bands.push_back(idle);
    }
    auto const after = built_of(plans);
    for (int i = 0; i < calls_per_tariff; ++i) {
        auto const call = random_call(before);
        allowance left_before{0, 300};
        allowance left_after{0, 300};
        std::vector<charged_piece> pieces_before;
        std::vector<charged_piece> pieces_after;
        RC_ASSERT(
            same(explain_call(cdr_of(call), *before.built, left_before, call.on_net, pieces_before),
                 explain_call(cdr_of(call), *after, left_after, call.on_net, pieces_after)));
        RC_ASSERT(pieces_before.size() == pieces_after.size());
    }
}

} // namespace
} // namespace tally::rating::tests
