#include "tests/daemon/quote/rate_fixture.hpp"

#include <gtest/gtest.h>

// The cost of calls, with the real `tallyd rate`: cases that raters often get wrong. Every
// value is computed by hand from the rules in docs/RATING.md.

namespace tally {
namespace {

using namespace tests;

std::string rounded(std::string_view mode, int decimals, std::string_view more = "") {
    return "rounding = \"" + std::string{mode} + "\"\ndecimals = " + std::to_string(decimals) +
           '\n' + std::string{more};
}

/// One rate for 44 by one rule of rounding.
std::string one_rate(std::string_view head, std::string_view steps, std::string_view more = "") {
    return plan_text(head, rate_text("44", steps, more));
}

std::string costs(std::string_view value) {
    return "cost=" + std::string{value};
}

TEST(rate_calls, first_increment_is_a_minute_then_seconds) {
    expect_rated(one_rate(rounded("half_up", 4), "0: 1/1/60,60: 1/1/1"),
                 {{call_line("44", "1"), "cost=60 billed_s=60"},
                  {call_line("44", "65"), "cost=65 billed_s=65"},
                  {call_line("44", "85"), "cost=85"},
                  {call_line("44", "132"), "cost=132 steps/1/from_s=60 steps/1/amount=72"}});
}

TEST(rate_calls, round_once_at_the_very_end) {
    expect_rated(one_rate(rounded("up", 2), "0: 0.05/60/1", "connect_fee = \"0.15\""),
                 {{call_line("44", "24"), "cost=0.17 connect_fee=0.15"},
                  {call_line("44", "180"), costs("0.3")}});
    expect_rated(one_rate(rounded("half_up", 4), "0: 0.1/60/1"),
                 {{call_line("44", "180"), costs("0.3")}});
    expect_rated(
        one_rate(rounded("half_up", 4), "0: 0.2/60/60,60: 0.1/60/1", "connect_fee = \"0.40\""),
        {{call_line("44", "130"), "cost=0.7167 steps/1/amount=0.116666667"}});
    expect_rated(one_rate(rounded("up", 5), "0: 0.02/60/1"),
                 {{call_line("44", "60"), costs("0.02")}});
    expect_rated(
        one_rate(rounded("half_up", 9), "0: 0.00025/60/1"),
        {{call_line("44", "60"), costs("0.00025")}, {call_line("44", "1"), costs("0.000004167")}});
}

TEST(rate_calls, bounds_and_fees) {
    expect_rated(
        one_rate(rounded("half_up", 4), "0: 1/1/1", "maximum = \"10\""),
        {{call_line("44", "1800"), "cost=10 billed_s=1800"}, {call_line("44", "9"), costs("9")}});
    expect_rated(one_rate(rounded("up", 4), "0: 0.01/1/1", "connect_fee = \"0.1\""),
                 {{call_line("44", "45"), costs("0.55")}});
    expect_rated(one_rate(rounded("up", 4), "0: 0/60/60", "connect_fee = \"0.1\""),
                 {{call_line("44", "300"), costs("0.1")}});
    expect_rated(
        one_rate(rounded("up", 4), "0: 3/60/60,60: 3/60/60,120: 3/60/60", "maximum = \"10\""),
        {{call_line("44", "180"), costs("9")}, {call_line("44", "181"), costs("10")}});
    expect_rated(one_rate("", "0: 0.1/60/60", "connect_fee = \"0.2\"\nminimum = \"0.5\""),
                 {{call_line("44", "60"), costs("0.5")},
                  {call_line("44", "180"), costs("0.5")},
                  {call_line("44", "181"), costs("0.6")}});
}

TEST(rate_calls, allowance_goes_by_the_order_of_arrival) {
    auto const plan =
        one_rate(rounded("up", 4, "included_minutes = 1"), "0: 0.6/60/1", "allowance = true");
    auto const a = call_line("44", "120", "2026-03-10T16:15:00Z");
    auto const b = call_line("44", "120", "2026-03-10T15:15:00Z");
    expect_rated(plan, {{a, "cost=0.6 allowance_s=60"}, {b, "cost=1.2 allowance_s=0"}},
                 {"--carry"});
    expect_rated(plan, {{b, "cost=0.6 allowance_s=60"}, {a, "cost=1.2 allowance_s=0"}},
                 {"--carry"});
    expect_rated(plan, {{a, "cost=0.6"}, {b, "cost=0.6"}}); // each line is rated on its own
}

TEST(rate_calls, increments_are_whole) {
    expect_rated(one_rate("", "0: 0.6/60/60,60: 0.6/60/6"),
                 {{call_line("44", "60"), "cost=0.6 billed_s=60"},
                  {call_line("44", "61"), "cost=0.66 billed_s=66"},
                  {call_line("44", "66"), "cost=0.66 billed_s=66"},
                  {call_line("44", "67"), "cost=0.72 billed_s=72"}});
    expect_rated(one_rate("", "0: 1/60/30"), {{call_line("44", "31"), "cost=1 billed_s=60"}});
    expect_rated(one_rate("", "0: 3.6/3600/1"), {{call_line("44", "100"), costs("0.1")}});
}

TEST(rate_calls, an_increment_belongs_to_the_step_it_begins_in) {
    // 0-60 and 60-120 begin in the first step; 120-150 in the second.
    expect_rated(one_rate("", "0: 1/60/60,90: 0.5/60/30"),
                 {{call_line("44", "100"), "cost=2 billed_s=120"},
                  {call_line("44", "130"), "cost=2.25 billed_s=150 steps/1/from_s=120"}});
    // The second step lies inside the first increment, so no increment begins in it.
    expect_rated(one_rate("", "0: 1/60/60,30: 100/60/1,60: 0.6/60/1"),
                 {{call_line("44", "70"), "cost=1.1 billed_s=70"}});
}

TEST(rate_calls, the_first_minute_may_be_free) {
    expect_rated(one_rate("", "0: 0/60/60,60: 0.3/60/60"),
                 {{call_line("44", "60"), "cost=0 billed_s=60"},
                  {call_line("44", "61"), "cost=0.3 billed_s=120"}});
}

TEST(rate_calls, within_grace_a_call_is_free) {
    expect_rated(
        one_rate("", "0: 0.1/60/60", "grace_s = 5\nminimum = \"1\"\nconnect_fee = \"0.2\""),
        {{call_line("44", "5"), "cost=0 billed_s=0 connect_fee=0 zero_rated=false"},
         {call_line("44", "6"), "cost=1 billed_s=60 connect_fee=0.2"}});
}

TEST(rate_calls, nobody_answered) {
    expect_rated(one_rate("", "0: 0.1/60/60", "connect_fee = \"0.2\"\nminimum = \"1\""),
                 {{call_line("44", "0"), "cost=0 zero_rated=true connect_fee=0 billed_s=0"},
                  {call_line("44", "30", "2026-03-10T12:00:00Z", ",\"billsec_s\":0"),
                   "cost=0 zero_rated=true matched_prefix=44"},
                  {call_line("33", "0"), "cost=0 zero_rated=true matched_prefix=null"}});
}

TEST(rate_calls, durations) {
    expect_rated(one_rate("", "0: 0.6/60/1"),
                 {{call_line("44", "-1"), "error=bad_duration"},
                  {call_line("44", "604800"), costs("6048")},
                  {call_line("44", "604801"), "error=bad_duration"},
                  {call_line("44", "604800.5"), "error=bad_duration"},
                  {call_line("44", "1e30"), "error=bad_number field=duration_s"},
                  {call_line("44", "\"59.01\""), "cost=0.6 billed_s=60"},
                  {call_line("44", "0.001"), "cost=0.01 billed_s=1"},
                  {call_line("44", "10", "2026-03-10T12:00:00Z", ",\"billsec_ms\":12000"),
                   "error=bad_duration"},
                  {call_line("44", "259200"), "cost=2592 steps/0/seconds=259200"}});
}

TEST(rate_calls, the_longest_prefix_wins) {
    auto const plan = plan_text("", rate_text("4", "0: 4/60/60") + rate_text("44", "0: 3/60/60") +
                                        rate_text("447", "0: 2/60/60") +
                                        rate_text("", "0: 9/60/60", "direction = \"inbound\""));
    expect_rated(
        plan, {{call_line("+447911123456", "1"), "cost=2 matched_prefix=447"},
               {call_line("00447", "1"), "error=no_rate"},
               {call_line("44 20 7183-8750", "1"), "cost=3 matched_prefix=44"},
               {call_line("4", "1"), "cost=4 matched_prefix=4"},
               {call_line("39", "1"), "error=no_rate"},
               {call_line("anonymous", "1"), "error=no_rate"},
               {call_line("anonymous", "1", "2026-03-10T12:00:00Z", ",\"direction\":\"inbound\""),
                "cost=9 matched_prefix="}});
}

TEST(rate_calls, rates_take_effect_and_end) {
    auto const plan =
        plan_text("timezone = \"Asia/Kolkata\"",
                  rate_text("44", "0: 1/60/60", "effective_from = \"2026-01-01\"") +
                      rate_text("44", "0: 2/60/60", "effective_from = \"2026-03-01\"") +
                      rate_text("447", "0: 3/60/60", "effective_from = \"2026-04-01\""));
    // Midnight in Kolkata is 18:30 in UTC.
    expect_rated(plan, {{call_line("447", "1", "2025-12-31T18:29:59Z"), "error=no_rate"},
                        {call_line("447", "1", "2025-12-31T18:30:00Z"), costs("1")},
                        {call_line("447", "61", "2026-02-28T18:29:59Z"), "cost=2"},
                        {call_line("447", "1", "2026-02-28T18:30:00Z"), "cost=2"},
                        {call_line("447", "1", "2026-02-28T18:29:50Z",
                                   ",\"answered_at\":\"2026-02-28T18:30:05Z\""),
                         costs("2")},
                        {call_line("447", "1", "2026-03-31T18:29:59Z"), "cost=2 matched_prefix=44"},
                        {call_line("447", "1", "2026-03-31T18:30:00Z"), "cost=3"}});
}

TEST(rate_calls, our_own_numbers_have_their_own_rates) {
    auto const plan = plan_text("", rate_text("44", "0: 1/60/60") +
                                        rate_text("4", "0: 0.1/60/60", "on_net = true"));
    expect_rated(plan, {{call_line("447", "1"), "cost=1 on_net=false"},
                        {call_line("447", "1", "2026-03-10T12:00:00Z", ",\"on_net\":true"),
                         "cost=0.1 on_net=true matched_prefix=4"},
                        {call_line("49", "1"), "error=no_rate"}});
}

TEST(rate_calls, prices_of_all_sizes) {
    expect_rated(one_rate(rounded("half_up", 9), "0: 0.000000001/1/1"),
                 {{call_line("44", "3"), costs("0.000000003")}});
    expect_rated(one_rate("", "0: -0.01/60/60"), {{call_line("44", "61"), costs("-0.02")}});
    expect_rated(one_rate("", "0: 9000000000/60/60"),
                 {{call_line("44", "60"), costs("9000000000")},
                  {call_line("44", "61"), "error=amount_overflow"}});
    expect_rated(one_rate("", "0: 90000000/1/1", "maximum = \"5\""),
                 {{call_line("44", "200"), "cost=5 steps/0/amount=null"}});
}

TEST(rate_calls, every_rule_of_rounding) {
    struct rule {
        char const* mode;
        char const* of_quarter; ///< 0.00025 to four decimals
        char const* of_eighth;  ///< 0.00015
        char const* below_zero; ///< -0.00025
    };
    for (auto const& each :
         {rule{"up", "0.0003", "0.0002", "-0.0003"}, rule{"down", "0.0002", "0.0001", "-0.0002"},
          rule{"half_up", "0.0003", "0.0002", "-0.0003"},
          rule{"half_even", "0.0002", "0.0002", "-0.0002"}}) {
        auto const plan = plan_text(rounded(each.mode, 4), rate_text("1", "0: 0.00025/60/60") +
                                                               rate_text("2", "0: 0.00015/60/60") +
                                                               rate_text("3", "0: -0.00025/60/60"));
        expect_rated(plan, {{call_line("1", "60"), costs(each.of_quarter)},
                            {call_line("2", "60"), costs(each.of_eighth)},
                            {call_line("3", "60"), costs(each.below_zero)}});
    }
    auto const whole = rate_text("1", "0: 1.5/60/60") + rate_text("2", "0: 2.5/60/60");
    expect_rated(plan_text(rounded("half_even", 0), whole),
                 {{call_line("1", "60"), costs("2")}, {call_line("2", "60"), costs("2")}});
    expect_rated(plan_text(rounded("half_up", 0), whole),
                 {{call_line("1", "60"), costs("2")}, {call_line("2", "60"), costs("3")}});
}

TEST(rate_calls, an_increment_is_drawn_whole_or_not_at_all) {
    auto const plan = plan_text(
        "included_minutes = 1",
        rate_text("44", "0: 0.6/60/60,60: 0.6/60/6", "allowance = true\nconnect_fee = \"1\"") +
            rate_text("33", "0: 0.6/60/1", "allowance = true\nconnect_fee = \"1\"") +
            rate_text("1", "0: 0.6/60/60"));
    expect_rated(plan,
                 {{call_line("44", "60"), "cost=0 allowance_s=60 connect_fee=0"},
                  {call_line("44", "61"), "cost=1.06 allowance_s=60 connect_fee=1 billed_s=66"},
                  {call_line("1", "60"), "cost=0.6 allowance_s=0"}});
    // 40 s are drawn, 20 are left: no minute fits, but three times six seconds.
    expect_rated(plan,
                 {{call_line("33", "40"), "cost=0 allowance_s=40"},
                  {call_line("44", "90"), "cost=1.72 allowance_s=18 billed_s=90"},
                  {call_line("33", "3"), "cost=1.01 allowance_s=2"}},
                 {"--carry"});
}

TEST(rate_calls, a_late_call_uses_the_period_it_happened_in) {
    auto const plan = one_rate("included_minutes = 1\ntimezone = \"Asia/Kolkata\"", "0: 0.6/60/60",
                               "allowance = true");
    auto const position = [](char const* time) { return call_line("44", "60", time); };
    expect_rated(plan,
                 {{position("2026-02-28T18:30:00Z"), "cost=0"}, // 1 March in Kolkata
                  {position("2026-02-28T18:29:59Z"), "cost=0"}, // still February
                  {position("2026-03-20T00:00:00Z"), "cost=0.6"},
                  {position("2026-02-01T00:00:00Z"), "cost=0.6"}},
                 {"--carry"});
    expect_rated(plan,
                 {{position("2026-03-14T18:29:59Z"), "cost=0"},
                  {position("2026-03-14T18:30:00Z"), "cost=0"}, // the 15th
                  {position("2026-04-14T18:29:59Z"), "cost=0.6"}},
                 {"--carry", "--anchor", "2026-01-15"});
    expect_rated(plan,
                 {{position("2026-02-27T18:29:59Z"), "cost=0"},
                  {position("2026-02-27T18:30:00Z"), "cost=0"}, // the 28th, February's last
                  {position("2026-03-30T18:29:59Z"), "cost=0.6"},
                  {position("2026-03-30T18:30:00Z"), "cost=0"}},
                 {"--carry", "--anchor", "2026-01-31"});
}

} // namespace
} // namespace tally
