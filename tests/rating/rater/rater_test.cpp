#include "rating/rater/rater.hpp"

#include "tests/rating/rater/builders.hpp"
#include "tests/rating/rater/reference_rater.hpp"

#include <chrono>
#include <gtest/gtest.h>
#include <string>

namespace tally::rating::tests {
namespace {

using ingest::record_error;

constexpr rounding up_2{rounding_mode::up, 2};
constexpr rounding up_4{rounding_mode::up, 4};
constexpr rounding up_5{rounding_mode::up, 5};
constexpr rounding half_up_4{rounding_mode::half_up, 4};
constexpr rounding nanos_exact{rounding_mode::half_up, 9};

std::string cost_of(rate const& charged_rate, std::int64_t seconds, rounding rounding = half_up_4) {
    allowance none;
    auto const rated = rate_call(call_of(seconds), plan_of({charged_rate}, rounding), none);
    return rated.error == record_error::none ? to_string(rated.cost)
                                             : std::string(ingest::code(rated.error));
}

rate with_fee(std::string_view fee, rate r) {
    r.connect_fee = money(fee);
    return r;
}

rate with_maximum(std::string_view maximum, rate r) {
    r.maximum = money(maximum);
    return r;
}

rate with_minimum(std::string_view minimum, rate r) {
    r.minimum = money(minimum);
    return r;
}

rate drawing(rate r) {
    r.allowance = true;
    return r;
}

TEST(rater, charges_the_cases_every_rater_is_asked) {
    rate const minute_then_second = rate_of("", {step(0, "1", 1, 60), step(60, "1", 1, 1)});
    rate const three_spans =
        rate_of("", {step(0, "3", 60, 60), step(60, "3", 60, 60), step(120, "3", 60, 60)});
    struct {
        rate charged_rate;
        rounding rounding_mode;
        std::int64_t seconds;
        std::string_view cost;
    } const cases[] = {
        {minute_then_second, half_up_4, 1, "60"},
        {minute_then_second, half_up_4, 65, "65"},
        {minute_then_second, half_up_4, 85, "85"},
        {minute_then_second, half_up_4, 132, "132"},
        {with_fee("0.15", rate_of("", {step(0, "0.05", 60, 1)})), up_2, 24, "0.17"},
        {with_fee("0.15", rate_of("", {step(0, "0.05", 60, 1)})), up_2, 180, "0.3"},
        {rate_of("", {step(0, "0.1", 60, 1)}), half_up_4, 180, "0.3"},
        {with_maximum("10", rate_of("", {step(0, "1", 1, 1)})), half_up_4, 1800, "10"},
        {with_fee("0.1", rate_of("", {step(0, "0.01", 1, 1)})), up_4, 45, "0.55"},
        {with_fee("0.1", rate_of("", {step(0, "0", 60, 60)})), up_4, 300, "0.1"},
        {rate_of("", {step(0, "0.02", 60, 1)}), up_5, 60, "0.02"},
        {with_maximum("10", three_spans), up_4, 180, "9"},
        {rate_of("", {step(0, "0.00025", 60, 1)}), nanos_exact, 60, "0.00025"},
        {rate_of("", {step(0, "0.1", 60, 1)}), nanos_exact, 430, "0.716666667"},
        {rate_of("", {step(0, "0.1", 60, 1)}), half_up_4, 430, "0.7167"},
        // The rate of the plan file's example: a minute, then by the second at half the price.
        {with_fee("0.40", rate_of("", {step(0, "0.2", 60, 60), step(60, "0.1", 60, 1)})), half_up_4,
         130, "0.7167"},
    };
    for (auto const& c : cases) {
        EXPECT_EQ(cost_of(c.charged_rate, c.seconds, c.rounding_mode), c.cost) << c.seconds << " s";
    }
}

TEST(rater, an_increment_belongs_to_the_step_in_which_it_begins) {
    rate const r = rate_of("", {step(0, "1", 1, 45), step(60, "10", 1, 7), step(100, "100", 1, 5)});
    EXPECT_EQ(cost_of(r, 45), "45");
    EXPECT_EQ(cost_of(r, 46), "90"); // runs on to second 90
    EXPECT_EQ(cost_of(r, 90), "90");
    EXPECT_EQ(cost_of(r, 91), "160");  // 90 to 97 of the second step
    EXPECT_EQ(cost_of(r, 98), "230");  // 97 to 104 begins in it as well
    EXPECT_EQ(cost_of(r, 105), "730"); // the third begins at 104
}

TEST(rater, a_step_that_an_increment_runs_over_is_never_charged) {
    rate const r =
        rate_of("", {step(0, "1", 1, 100), step(30, "1000", 1, 1), step(100, "2", 1, 1)});
    EXPECT_EQ(cost_of(r, 100), "100");
    EXPECT_EQ(cost_of(r, 103), "106");
}

TEST(rater, explains_the_cost) {
    auto plan = plan_of({with_fee("0.4", rate_of("44", {step(0, "0.05", 30, 30)}))});
    allowance none;
    auto const rated = rate_call(call_of(31), plan, none);
    EXPECT_EQ(rated.charged_rate, &plan.rates()[0]);
    EXPECT_EQ(rated.billed_s, 60);
    EXPECT_EQ(rated.allowance_s, 0);
    EXPECT_EQ(rated.connect_fee, money("0.4"));
    EXPECT_EQ(rated.rate_per_minute, money("0.1"));
    EXPECT_EQ(rated.cost, money("0.5"));
    EXPECT_FALSE(rated.zero_rated);
}

TEST(rater, bills_started_seconds) {
    auto const plan = plan_of({rate_of("", {step(0, "1", 1, 1)})});
    allowance none;
    for (auto const& [ms, seconds] : {std::pair{1, 1}, {999, 1}, {1000, 1}, {1001, 2}}) {
        EXPECT_EQ(rate_call(call_of_ms(ms), plan, none).billed_s, seconds) << ms;
    }
}

TEST(rater, an_unanswered_or_empty_call_costs_nothing_whatever_the_rate) {
    auto const plan =
        plan_of({with_minimum("5", with_fee("1", rate_of("44", {step(0, "1", 60, 60)})))});
    auto unanswered = call_of(0);
    unanswered.answer = ingest::never_us;
    auto rang = call_of(30);
    rang.answer = ingest::never_us;
    for (auto call : {call_of(0), unanswered, rang}) {
        allowance left{0, 600};
        auto rated = rate_call(call, plan, left);
        EXPECT_EQ(rated.error, record_error::none);
        EXPECT_TRUE(rated.zero_rated);
        EXPECT_EQ(rated.charged_rate, &plan.rates()[0]);
        EXPECT_EQ(rated.cost, amount{0});
        EXPECT_EQ(rated.connect_fee, amount{0});
        EXPECT_EQ(rated.billed_s, 0);
        EXPECT_EQ(left.used_s, 0);
        call.destination = "+33";
        rated = rate_call(call, plan, left);
        EXPECT_EQ(rated.error, record_error::none) << "no rate is needed to charge nothing";
        EXPECT_TRUE(rated.zero_rated);
        EXPECT_EQ(rated.charged_rate, nullptr);
    }
}

TEST(rater, refuses_durations_that_cannot_be) {
    auto const plan = plan_of({rate_of("", {step(0, "1", 60, 60)})});
    constexpr std::int64_t week_ms = 7LL * 24 * 3600 * 1000;
    struct {
        std::int64_t duration_ms;
        std::int64_t billsec_ms;
        std::int64_t billable_ms;
        record_error expected;
    } const cases[] = {
        {-1, 0, 0, record_error::bad_duration},
        {1000, -1, 0, record_error::bad_duration},
        {1000, 0, -1, record_error::bad_duration},
        {INT64_MIN, INT64_MIN, INT64_MIN, record_error::bad_duration},
        {INT64_MAX, INT64_MAX, INT64_MAX, record_error::bad_duration},
        {10'000, 10'001, 10'000, record_error::bad_duration},
        {week_ms + 1, 10'000, 10'000, record_error::bad_duration},
        {week_ms + 1, week_ms + 1, week_ms + 1, record_error::bad_duration},
        {week_ms, week_ms, week_ms, record_error::none},
        // Times that are cut to whole seconds at both ends may hide nearly a second of the billable
        // time.
        {10'000, 10'000, 10'999, record_error::none},
        {10'000, 10'000, 11'001, record_error::bad_duration},
        {10'000, 10'000, 9'001, record_error::none},
    };
    for (auto const& c : cases) {
        auto call = call_of(0);
        call.duration_ms = c.duration_ms;
        call.billsec_ms = c.billsec_ms;
        call.billable_ms = c.billable_ms;
        allowance left{3, 600};
        EXPECT_EQ(rate_call(call, plan, left).error, c.expected)
            << c.duration_ms << " " << c.billsec_ms << " " << c.billable_ms;
        EXPECT_EQ(left, (allowance{3, 600}));
    }
}

TEST(rater, a_call_that_no_rate_matches_is_not_rated) {
    auto const plan = plan_of({drawing(rate_of("1", {step(0, "1", 60, 60)}))});
    allowance left{0, 600};
    EXPECT_EQ(rate_call(call_of(60), plan, left).error, record_error::no_rate);
    EXPECT_EQ(left.used_s, 0);
}

TEST(rater, the_rate_in_effect_at_the_answer_counts) {
    rate old_rate = rate_of("44", {step(0, "1", 60, 60)});
    rate new_rate = rate_of("44", {step(0, "2", 60, 60)});
    new_rate.effective_from = noon + 5 * ingest::us_per_s; // calls of tests ring for 5 s
    auto const plan = plan_of({old_rate, new_rate});
    allowance none;
    EXPECT_EQ(rate_call(call_of(60), plan, none).cost, money("2"));
    auto earlier = call_of(60);
    earlier.answer -= 1;
    EXPECT_EQ(rate_call(earlier, plan, none).cost, money("1"));
    auto unanswered = call_of(0);
    unanswered.answer = ingest::never_us;
    EXPECT_EQ(rate_call(unanswered, plan, none).charged_rate->steps[0].price, money("1"));
}

TEST(rater, inbound_calls_use_inbound_rates) {
    rate inbound = rate_of("44", {step(0, "7", 60, 60)});
    inbound.direction = ingest::call_direction::inbound;
    auto const plan = plan_of({inbound, rate_of("44", {step(0, "1", 60, 60)})});
    allowance none;
    auto call = call_of(60);
    call.direction = ingest::call_direction::inbound;
    EXPECT_EQ(rate_call(call, plan, none).cost, money("7"));
    EXPECT_EQ(rate_call(call_of(60), plan, none).cost, money("1"));
}

TEST(rater, a_call_within_grace_is_free_and_draws_nothing) {
    rate r = drawing(with_minimum("3", with_fee("1", rate_of("", {step(0, "1", 60, 60)}))));
    r.grace_s = 5;
    auto const plan = plan_of({r});
    allowance left{0, 60};
    auto const rated = rate_call(call_of(5), plan, left);
    EXPECT_EQ(rated.cost, amount{0});
    EXPECT_EQ(rated.connect_fee, amount{0});
    EXPECT_EQ(rated.billed_s, 0);
    EXPECT_NE(rated.charged_rate, nullptr);
    EXPECT_FALSE(rated.zero_rated);
    EXPECT_EQ(left.used_s, 0);
    EXPECT_EQ(rate_call(call_of_ms(5001), plan, left).billed_s, 60);
    EXPECT_EQ(left.used_s, 60);
}

TEST(rater, draws_the_allowance_in_order_of_arrival) {
    auto const plan = plan_of({drawing(rate_of("", {step(0, "0.6", 60, 1)}))}, up_4);
    allowance left{0, 60};
    EXPECT_EQ(rate_call(call_of(120), plan, left).cost, money("0.6"));
    EXPECT_EQ(left.used_s, 60);
    EXPECT_EQ(rate_call(call_of(120), plan, left).cost, money("1.2"));
    EXPECT_EQ(left.used_s, 60);
}

TEST(rater, an_increment_is_drawn_whole_or_charged) {
    auto const plan = plan_of({drawing(rate_of("", {step(0, "1", 60, 60)}))});
    allowance left{0, 119};
    auto const rated = rate_call(call_of(121), plan, left);
    EXPECT_EQ(rated.billed_s, 180);
    EXPECT_EQ(rated.allowance_s, 60);
    EXPECT_EQ(rated.cost, money("2"));
    EXPECT_EQ(left, (allowance{60, 119}));
}

TEST(rater, shorter_increments_behind_one_that_was_not_covered_are_drawn_still) {
    auto const plan = plan_of({drawing(rate_of("", {step(0, "1", 60, 60), step(60, "1", 60, 6)}))});
    allowance left{0, 20};
    auto const rated = rate_call(call_of(90), plan, left);
    EXPECT_EQ(rated.billed_s, 90);
    EXPECT_EQ(rated.allowance_s, 18);
    EXPECT_EQ(rated.cost, money("1.2")); // the minute, and 12 s
}

TEST(rater, a_wholly_covered_call_pays_neither_fee_nor_minimum) {
    auto const plan =
        plan_of({drawing(with_minimum("3", with_fee("1", rate_of("", {step(0, "1", 60, 60)}))))});
    allowance left{0, 120};
    auto rated = rate_call(call_of(90), plan, left);
    EXPECT_EQ(rated.cost, amount{0});
    EXPECT_EQ(rated.connect_fee, amount{0});
    EXPECT_EQ(rated.allowance_s, 120);
    EXPECT_FALSE(rated.zero_rated);
    left = {60, 120};
    rated = rate_call(call_of(90), plan, left); // one minute covered, one charged
    EXPECT_EQ(rated.connect_fee, money("1"));
    EXPECT_EQ(rated.cost, money("3"));
}

TEST(rater, rates_that_do_not_draw_leave_the_allowance_alone) {
    auto const plan = plan_of({rate_of("", {step(0, "1", 60, 60)})});
    allowance left{0, 600};
    EXPECT_EQ(rate_call(call_of(60), plan, left).cost, money("1"));
    EXPECT_EQ(left.used_s, 0);
}

TEST(rater, an_allowance_overdrawn_or_out_of_range_covers_nothing) {
    auto const plan = plan_of({drawing(rate_of("", {step(0, "1", 60, 60)}))});
    for (allowance const state : {allowance{700, 600}, {INT64_MAX, INT64_MIN}, {0, -1}}) {
        allowance left = state;
        EXPECT_EQ(rate_call(call_of(60), plan, left).cost, money("1"));
        EXPECT_EQ(left, state);
    }
    allowance endless{0, INT64_MAX};
    EXPECT_EQ(rate_call(call_of(60), plan, endless).cost, amount{0});
    EXPECT_EQ(endless.used_s, 60);
}

TEST(rater, bounds_hold_after_the_connect_fee_and_the_maximum_wins) {
    rate const r = with_fee("1", rate_of("", {step(0, "1", 60, 60)}));
    EXPECT_EQ(cost_of(with_minimum("2.5", r), 60), "2.5");
    EXPECT_EQ(cost_of(with_minimum("2", r), 60), "2");
    EXPECT_EQ(cost_of(with_minimum("2.5", r), 120), "3");
    EXPECT_EQ(cost_of(with_maximum("1.5", r), 60), "1.5");
    EXPECT_EQ(cost_of(with_maximum("0", r), 60), "0");
    EXPECT_EQ(cost_of(with_maximum("1", with_minimum("5", r)), 60), "1");
    EXPECT_EQ(cost_of(with_maximum("0.33335", rate_of("", {step(0, "1", 3, 1)})), 1), "0.3333");
    EXPECT_EQ(cost_of(with_maximum("0.333333333", rate_of("", {step(0, "1", 3, 1)})), 1,
                      {rounding_mode::up, 9}),
              "0.333333333");
}

TEST(rater, a_price_below_zero_pays_back) {
    EXPECT_EQ(cost_of(rate_of("", {step(0, "-0.01", 60, 1)}), 90), "-0.015");
    EXPECT_EQ(cost_of(rate_of("", {step(0, "-0.01", 7, 1)}), 1), "-0.0014");
    rate const seventh_of_a_nano = rate_of("", {step(0, "-0.000000001", 7, 1)});
    EXPECT_EQ(cost_of(seventh_of_a_nano, 3, nanos_exact), "0");
    EXPECT_EQ(cost_of(seventh_of_a_nano, 4, nanos_exact), "-0.000000001");
    EXPECT_EQ(cost_of(seventh_of_a_nano, 11, {rounding_mode::down, 9}), "-0.000000001");
    EXPECT_EQ(cost_of(seventh_of_a_nano, 8, {rounding_mode::up, 9}), "-0.000000002");
    EXPECT_EQ(cost_of(with_fee("1", rate_of("", {step(0, "-0.5", 60, 60)})), 60), "0.5");
}

TEST(rater, overflow_is_an_error_and_draws_nothing) {
    auto const plan = plan_of({drawing(rate_of("", {step(0, "100000000", 60, 60)}))});
    allowance left{0, 60};
    EXPECT_EQ(rate_call(call_of(3600 * 24), plan, left).error, record_error::amount_overflow);
    EXPECT_EQ(left, (allowance{0, 60}));
    EXPECT_EQ(cost_of(rate_of("", {step(0, "9223372036", 1, 1)}), 1), "amount_overflow");
    EXPECT_EQ(cost_of(rate_of("", {step(0, "9223372036", 60, 60)}), 60), "9223372036");
    EXPECT_EQ(cost_of(with_fee("9223372036", rate_of("", {step(0, "1", 60, 60)})), 60),
              "amount_overflow");
    EXPECT_EQ(cost_of(rate_of("", {step(0, "-100000000", 60, 60)}), 3600 * 24), "amount_overflow");
}

TEST(rater, a_maximum_holds_where_the_sum_alone_would_not_fit) {
    EXPECT_EQ(cost_of(with_maximum("10", rate_of("", {step(0, "100000000", 60, 60)})), 604'795),
              "10");
}

TEST(rater, destinations_are_matched_by_their_digits) {
    auto const plan = plan_of({rate_of("44", {step(0, "1", 60, 60)})});
    auto call = call_of(60);
    allowance none;
    for (std::string_view const target :
         {"+442071838750", "44 20 7183-8750", "sip:+442071838750@carrier.example;user=phone"}) {
        call.destination = target;
        EXPECT_EQ(rate_call(call, plan, none).cost, money("1")) << target;
    }
    call.destination = "voicemail";
    EXPECT_EQ(rate_call(call, plan, none).error, record_error::no_rate);
}

TEST(rater, a_week_by_the_second_is_as_cheap_as_a_minute) {
    auto const plan = plan_of({rate_of("", {step(0, "1", 7, 1), step(60, "0.07", 60, 1)})});
    allowance none;
    auto const call = call_of(604'795);
    auto const begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 100'000; ++i) {
        ASSERT_EQ(rate_call(call, plan, none).billed_s, 604'795);
    }
    // A loop over increments would take 60,000,000,000 steps.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST(rater, three_days_by_the_second_agree_with_the_slow_rater) {
    rate const r = rate_of("", {step(0, "0.0123", 7, 1), step(100'000, "0.000000001", 60, 1)});
    auto const expected = reference_rate(r, 72 * 3600, 0, nanos_exact);
    EXPECT_EQ(cost_of(r, 72 * 3600, nanos_exact), to_string(expected.cost.value()));
}

} // namespace
} // namespace tally::rating::tests
