#include "rating/rater/rater.hpp"

#include "tests/rating/rater/builders.hpp"
#include "tests/rating/rater/reference_rater.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <set>

// Compares the rater with the slow rater and with properties of every correct rater, on random
// tariffs and calls. RapidCheck prints its seed; RC_PARAMS="seed=..." repeats a run,
// "max_success=..." sets the number of runs.

namespace tally::rating::tests {
namespace {

using ingest::record_error;

/// Calls rated per random tariff.
constexpr int calls_per_tariff = 40;

std::int64_t price_between(std::int64_t low, std::int64_t high) {
    // Round prices, prices with all decimals, and zero.
    auto const cents = *rc::gen::inRange<std::int64_t>(low / 10'000'000, high / 10'000'000 + 1);
    auto const any = *rc::gen::inRange<std::int64_t>(low, high + 1);
    return *rc::gen::element(cents * 10'000'000, any, any, std::int64_t{0});
}

std::vector<rate_step> random_steps(std::int64_t price_low, std::int64_t price_high) {
    std::set<std::uint32_t> begins{0};
    int const more = *rc::gen::inRange(0, 4);
    for (int i = 0; i < more; ++i) {
        begins.insert(*rc::gen::inRange<std::uint32_t>(1, 200));
    }
    std::vector<rate_step> steps;
    for (std::uint32_t const from_s : begins) {
        rate_step next;
        next.from_s = from_s;
        next.unit_s = *rc::gen::element(1U, 6U, 7U, 30U, 60U, 61U, 3600U);
        next.increment_s = *rc::gen::element(1U, 1U, 6U, 7U, 30U, 60U, 90U);
        next.price = amount{price_between(price_low, price_high)};
        steps.push_back(next);
    }
    return steps;
}

rate random_rate(std::int64_t price_low, std::int64_t price_high) {
    rate r = rate_of("44", random_steps(price_low, price_high));
    r.allowance = *rc::gen::arbitrary<bool>();
    r.grace_s = *rc::gen::element(0U, 0U, 3U, 10U);
    r.connect_fee = amount{price_between(0, 1'000'000'000)};
    if (*rc::gen::arbitrary<bool>()) {
        r.minimum = amount{price_between(0, 2'000'000'000)};
    }
    if (*rc::gen::arbitrary<bool>()) {
        r.maximum = amount{price_between(0, 90'000'000'000)};
    }
    return r;
}

rounding random_rounding() {
    return {*rc::gen::element(rounding_mode::up, rounding_mode::down, rounding_mode::half_up,
                              rounding_mode::half_even),
            *rc::gen::element<std::uint8_t>(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9)};
}

std::int64_t random_seconds() {
    return *rc::gen::oneOf(rc::gen::inRange<std::int64_t>(1, 100),
                           rc::gen::inRange<std::int64_t>(1, 700));
}

bool per_minute_fits(rate const& r) {
    rate_step const& first = r.steps.front();
    fraction const per_minute(integer(first.price.nanos) * 60, integer(first.unit_s));
    return reference_amount(reference_round(per_minute, {rounding_mode::half_up, 9})).has_value();
}

/// Rates one call by both raters and draws from `left` as a caller would.
void compare(rate const& r, tariff const& plan, allowance& left) {
    std::int64_t const seconds = random_seconds();
    allowance const before = left;
    auto const expected =
        reference_rate(r, seconds, before.included_s - before.used_s, plan.head().rounding_mode);
    auto const got = rate_call(call_of(seconds), plan, left);
    if (!expected.cost || !per_minute_fits(r)) {
        RC_ASSERT(got.error == record_error::amount_overflow);
        RC_ASSERT(left == before);
        return;
    }
    RC_ASSERT(got.error == record_error::none);
    RC_ASSERT(to_string(got.cost) == to_string(*expected.cost));
    RC_ASSERT(got.billed_s == expected.billed_s);
    RC_ASSERT(got.allowance_s == expected.allowance_s);
    RC_ASSERT(got.connect_fee == (expected.pays_connect_fee ? r.connect_fee : amount{}));
    RC_ASSERT(left.used_s == before.used_s + got.allowance_s);
    RC_ASSERT(left.used_s <= left.included_s);
}

void compare_many(std::int64_t price_low, std::int64_t price_high) {
    rate const r = random_rate(price_low, price_high);
    tariff const plan = plan_of({r}, random_rounding());
    allowance left{0, *rc::gen::inRange<std::int64_t>(0, 5000)};
    for (int i = 0; i < calls_per_tariff; ++i) {
        compare(r, plan, left);
    }
}

RC_GTEST_PROP(rater_property, agrees_with_the_slow_rater, ()) {
    compare_many(0, 5'000'000'000);
}

RC_GTEST_PROP(rater_property, agrees_with_the_slow_rater_on_prices_below_zero, ()) {
    compare_many(-2'000'000'000, 2'000'000'000);
}

RC_GTEST_PROP(rater_property, agrees_with_the_slow_rater_at_the_edge_of_what_fits, ()) {
    compare_many(INT64_MIN + 1, INT64_MAX - 1);
}

RC_GTEST_PROP(rater_property, a_longer_call_never_costs_less, ()) {
    rate r = random_rate(0, 5'000'000'000);
    r.allowance = false;
    tariff const plan = plan_of({r}, random_rounding());
    allowance none;
    std::vector<std::int64_t> seconds;
    for (int i = 0; i < calls_per_tariff; ++i) {
        seconds.push_back(random_seconds());
    }
    std::sort(seconds.begin(), seconds.end());
    amount last;
    for (std::int64_t const s : seconds) {
        auto const rated = rate_call(call_of(s), plan, none);
        RC_ASSERT(rated.cost >= last);
        RC_ASSERT(rated.billed_s >= s || s <= r.grace_s);
        last = rated.cost;
    }
}

RC_GTEST_PROP(rater_property, more_allowance_never_costs_more, ()) {
    rate r = random_rate(0, 5'000'000'000);
    r.allowance = true;
    // All steps have one increment. With several, drawing an early increment could leave a more
    // expensive one to be charged.
    for (rate_step& s : r.steps) {
        s.increment_s = r.steps.front().increment_s;
    }
    tariff const plan = plan_of({r}, random_rounding());
    std::int64_t const seconds = random_seconds();
    amount last{INT64_MAX};
    for (std::int64_t included = 0; included <= seconds + 100; included += 17) {
        allowance left{0, included};
        auto const rated = rate_call(call_of(seconds), plan, left);
        RC_ASSERT(rated.cost <= last);
        RC_ASSERT(left.used_s <= included);
        last = rated.cost;
    }
}

RC_GTEST_PROP(rater_property, a_step_cut_in_two_charges_the_same, ()) {
    auto const increment_s = *rc::gen::element(1U, 6U, 60U);
    auto const price = price_between(0, 5'000'000'000);
    rate_step const whole{0, 60, increment_s, amount{price}};
    rate_step second = whole;
    second.from_s = increment_s * *rc::gen::inRange(1U, 20U);
    auto const rounding = random_rounding();
    tariff const one = plan_of({rate_of("44", {whole})}, rounding);
    tariff const two = plan_of({rate_of("44", {whole, second})}, rounding);
    for (int i = 0; i < calls_per_tariff; ++i) {
        auto const call = call_of(random_seconds());
        allowance none;
        auto const a = rate_call(call, one, none);
        auto const b = rate_call(call, two, none);
        RC_ASSERT(a.cost == b.cost);
        RC_ASSERT(a.billed_s == b.billed_s);
    }
}

} // namespace
} // namespace tally::rating::tests
