#include "tests/daemon/quote/rate_fixture.hpp"

#include <gmock/gmock.h>

// Bands, daylight saving changes, holidays and fallback plans, with the real `tallyd rate`.
// 2026-03-10 is a Tuesday.

namespace tally {
namespace {

using namespace tests;

std::string band(std::string_view name, std::string_view more) {
    return "[[band]]\nname = \"" + std::string{name} + "\"\n" + std::string{more} + '\n';
}

std::string in_band(std::string_view name) {
    return "band = \"" + std::string{name} + '"';
}

constexpr char const* weekdays = R"(days = ["mon", "tue", "wed", "thu", "fri"])";
constexpr char const* office_hours = "\nfrom = \"08:00\"\nto = \"19:00\"\nweight = 10";

/// Peak 0.01 a second on weekdays from 8 to 19, else 0.005.
std::string peak_plan(std::string_view head = "", std::string_view increment = "1") {
    return plan_text(
        head, band("peak", std::string{weekdays} + office_hours) + band("off-peak", "weight = 0") +
                  rate_text("44", "0: 0.6/60/" + std::string{increment}, in_band("peak")) +
                  rate_text("44", "0: 0.3/60/" + std::string{increment}, in_band("off-peak")));
}

TEST(rate_bands, begin_and_end_to_the_second) {
    expect_rated(
        peak_plan(),
        {{call_line("44", "1", "2026-03-10T07:59:59Z"), "cost=0.005"},
         {call_line("44", "1", "2026-03-10T08:00:00Z"), "cost=0.01 steps/0/band=peak"},
         {call_line("44", "1", "2026-03-10T18:59:59Z"), "cost=0.01"},
         {call_line("44", "1", "2026-03-10T19:00:00Z"), "cost=0.005 steps/0/band=off-peak"},
         {call_line("44", "1", "2026-03-14T12:00:00Z"), "cost=0.005"}});
}

TEST(rate_bands, a_call_across_a_border_is_charged_by_both) {
    expect_rated(peak_plan(), {{call_line("44", "60", "2026-03-10T18:59:30Z"),
                                "cost=0.45 steps/0/seconds=30 steps/0/amount=0.3 "
                                "steps/1/band=off-peak steps/1/from_s=30 steps/1/amount=0.15"},
                               {call_line("44", "39601", "2026-03-10T07:59:59.5Z"),
                                "cost=396.005 steps/0/band=off-peak"}});
    // Charged by the minute: the first minute is peak, although only its first second is.
    expect_rated(peak_plan("", "60"), {{call_line("44", "61", "2026-03-10T18:59:59Z"),
                                        "cost=0.9 steps/1/from_s=60 billed_s=120"}});
}

TEST(rate_bands, a_plan_may_keep_to_the_band_a_call_began_in) {
    expect_rated(peak_plan("split_at_bands = false"),
                 {{call_line("44", "60", "2026-03-10T18:59:30Z"), "cost=0.6"},
                  {call_line("44", "60", "2026-03-10T07:59:30Z"), "cost=0.3"}});
}

TEST(rate_bands, follow_the_plans_clocks) {
    expect_rated(peak_plan("timezone = \"Asia/Kolkata\""),
                 {{call_line("44", "1", "2026-03-10T02:29:59Z"), "cost=0.005"},
                  {call_line("44", "1", "2026-03-10T02:30:00Z"), "cost=0.01"},
                  {call_line("44", "1", "2026-03-10T08:00:00"), "cost=0.01"}});
    expect_rated(peak_plan("timezone = \"America/New_York\""),
                 {{call_line("44", "1", "2026-03-06T12:59:59Z"), "cost=0.005"}, // EST
                  {call_line("44", "1", "2026-03-06T13:00:00Z"), "cost=0.01"},
                  {call_line("44", "1", "2026-03-09T11:59:59Z"), "cost=0.005"}, // EDT
                  {call_line("44", "1", "2026-03-09T12:00:00Z"), "cost=0.01"}});
}

TEST(rate_bands, a_night_belongs_to_the_day_it_begins_on) {
    auto const plan = plan_text(
        "", band("friday-night", "days = [\"fri\"]\nfrom = \"22:00\"\nto = \"06:00\"\nweight = 5") +
                rate_text("44", "0: 0.06/60/60", in_band("friday-night")) +
                rate_text("44", "0: 0.6/60/60"));
    expect_rated(plan, {{call_line("44", "60", "2026-03-13T21:59:59Z"), "cost=0.6"},
                        {call_line("44", "60", "2026-03-13T22:00:00Z"), "cost=0.06"},
                        {call_line("44", "60", "2026-03-14T05:59:59Z"), "cost=0.06"},
                        {call_line("44", "60", "2026-03-14T06:00:00Z"), "cost=0.6"},
                        {call_line("44", "60", "2026-03-14T22:30:00Z"), "cost=0.6"},
                        {call_line("44", "60", "2026-03-13T05:00:00Z"), "cost=0.6"}});
}

TEST(rate_bands, the_heaviest_holds) {
    auto const plan = plan_text(
        "timezone = \"Asia/Kolkata\"",
        band("peak", std::string{weekdays} + office_hours) +
            band("holiday", "dates = [\"2026-01-26\", \"2026-08-15\"]\nweight = 20") +
            band("always", "weight = -5") + rate_text("44", "0: 0.6/60/60", in_band("peak")) +
            rate_text("44", "0: 0.1/60/60", in_band("holiday")) +
            rate_text("44", "0: 0.3/60/60", in_band("always")) + rate_text("44", "0: 9/60/60"));
    // A Monday; midnight in Kolkata is 18:30 in UTC.
    expect_rated(plan,
                 {{call_line("44", "60", "2026-01-26T12:00:00"), "cost=0.1"},
                  {call_line("44", "60", "2026-01-25T18:29:59Z"), "cost=0.3"},
                  {call_line("44", "60", "2026-01-25T18:30:00Z"), "cost=0.1"},
                  {call_line("44", "60", "2026-01-26T18:30:00Z"), "cost=0.3"},
                  {call_line("44", "60", "2026-01-27T12:00:00"), "cost=0.6"},
                  {call_line("44", "60", "2026-01-27T20:00:00"), "cost=0.3 steps/0/band=always"}});
}

TEST(rate_bands, the_longest_prefix_wins_before_the_band_is_looked_at) {
    auto const plan = plan_text("", band("peak", std::string{weekdays} + office_hours) +
                                        rate_text("44", "0: 0.3/60/60") +
                                        rate_text("447", "0: 0.6/60/60", in_band("peak")));
    expect_rated(plan, {{call_line("447", "60"), "cost=0.6"},
                        {call_line("447", "60", "2026-03-10T20:00:00Z"), "error=no_rate"},
                        {call_line("447", "60", "2026-03-10T18:59:30Z"), "cost=0.6"},
                        {call_line("447", "61", "2026-03-10T18:59:30Z"), "error=no_rate"},
                        {call_line("4420", "60", "2026-03-10T20:00:00Z"), "cost=0.3"}});
}

TEST(rate_bands, days_on_which_clocks_change_are_charged_by_elapsed_seconds) {
    // From 0 to 6 o'clock 0.06 a minute, else 0.60. In Berlin 02:00 is 03:00 on 2026-03-29, and
    // 03:00 is 02:00 again on 2026-10-25.
    auto const night = plan_text("timezone = \"Europe/Berlin\"",
                                 band("night", "from = \"00:00\"\nto = \"06:00\"\nweight = 5") +
                                     rate_text("49", "0: 0.06/60/1", in_band("night")) +
                                     rate_text("49", "0: 0.6/60/1"));
    // From 01:30 CET; 06:00 CEST is 04:00 in UTC: 210 minutes of night, 30 of day.
    expect_rated(night, {{call_line("49", "14400", "2026-03-29T00:30:00Z"),
                          "cost=30.6 steps/0/seconds=12600 billed_s=14400"},
                         // From 01:30 CEST; 06:00 CET is 05:00 in UTC: 330 of night, 30 of day.
                         {call_line("49", "21600", "2026-10-24T23:30:00Z"),
                          "cost=37.8 steps/0/seconds=19800"}});
    auto const early = plan_text("timezone = \"Europe/Berlin\"",
                                 band("two", "from = \"02:00\"\nto = \"03:00\"\nweight = 5") +
                                     rate_text("49", "0: 0.6/60/1", in_band("two")) +
                                     rate_text("49", "0: 0.06/60/1"));
    // The hour from two to three occurs twice in fall, and not at all in spring.
    expect_rated(
        early,
        {{call_line("49", "10800", "2026-10-24T23:30:00Z"), "cost=75.6 steps/1/seconds=7200"},
         {call_line("49", "3600", "2026-03-29T00:30:00Z"), "cost=3.6 steps/1=(absent)"}});
}

TEST(rate_bands, steps_go_by_the_call_and_bands_by_the_clock) {
    // Peak: a minute at 0.6, then 0.3 by seconds; off-peak half of each.
    auto const plan =
        plan_text("", band("peak", std::string{weekdays} + office_hours) +
                          rate_text("44", "0: 0.6/60/60,60: 0.3/60/1",
                                    in_band("peak") + "\nconnect_fee = \"1\"") +
                          rate_text("44", "0: 0.3/60/60,60: 0.06/60/1", "connect_fee = \"5\""));
    // 60 s of the first step, 30 s of the second within peak, 30 s of the second off peak.
    expect_rated(plan, {{call_line("44", "120", "2026-03-10T18:58:30Z"),
                         "cost=1.78 connect_fee=1 steps/1/from_s=60 steps/2/from_s=90"}});
}

std::string plan_called(std::string_view code, std::string_view head, std::string_view rates) {
    return "[plan]\ncode = \"" + std::string{code} + "\"\nname = \"x\"\ncurrency = \"INR\"\n" +
           "timezone = \"UTC\"\n" + std::string{head} + "\n" + std::string{rates};
}

TEST(rate_fallback, is_asked_where_the_plan_has_no_rate) {
    rate_fixture const folder;
    auto const plan = folder.write("a.toml", plan_called("a", "fallback = \"b\"\ndecimals = 2",
                                                         rate_text("44", "0: 1/60/60")));
    auto const second = folder.write(
        "b.toml", plan_called("b", "fallback = \"c\"\ndecimals = 4",
                              rate_text("44", "0: 2/60/60") + rate_text("33", "0: 0.3/60/1")));
    auto const third = folder.write(
        "c.toml",
        plan_called("c", "", rate_text("33", "0: 9/60/60") + rate_text("", "0: 5/60/60")));
    auto const asked =
        call_line("44", "60") + '\n' + call_line("33", "1") + '\n' + call_line("1", "60") + '\n';
    auto const all = folder.run({"--plan-file", plan, "--fallback-file", third, second}, asked);
    EXPECT_EQ(all.exit_code, 0) << all.messages;
    ASSERT_EQ(all.lines.size(), 3U);
    EXPECT_EQ(member_of(all.lines[0], "cost"), "1");
    EXPECT_EQ(member_of(all.lines[0], "fallback_plan"), "(absent)");
    EXPECT_EQ(member_of(all.lines[1], "cost"), "0.01") << "rounded by the subscriber's plan";
    EXPECT_EQ(member_of(all.lines[1], "fallback_plan"), "b");
    EXPECT_EQ(member_of(all.lines[2], "cost"), "5");
    EXPECT_EQ(member_of(all.lines[2], "fallback_plan"), "c");
    EXPECT_EQ(all.messages, "");

    auto const one = folder.run({"--plan-file", plan, "--fallback-file", second}, asked);
    EXPECT_EQ(one.exit_code, 1);
    ASSERT_EQ(one.lines.size(), 3U);
    EXPECT_EQ(member_of(one.lines[1], "cost"), "0.01");
    EXPECT_EQ(member_of(one.lines[2], "error"), "no_rate");
    EXPECT_THAT(one.messages, testing::HasSubstr("plan 'b' falls back on 'c', which no "
                                                 "--fallback-file contains"));
    auto const unused = folder.run({"--plan-file", third, "--fallback-file", plan}, "");
    EXPECT_THAT(unused.messages, testing::HasSubstr("plan 'a' is no plan's fallback"));
}

TEST(rate_fallback, has_the_same_currency) {
    rate_fixture const folder;
    auto const plan = folder.write("a.toml", plan_called("a", "fallback = \"test\"", ""));
    auto const other = folder.write(
        "b.toml",
        "[plan]\ncode = \"test\"\nname = \"x\"\ncurrency = \"EUR\"\ntimezone = \"UTC\"\n");
    auto const seen = folder.run({"--plan-file", plan, "--fallback-file", other}, "");
    EXPECT_EQ(seen.exit_code, 1);
    EXPECT_THAT(seen.messages, testing::HasSubstr("currency"));
}

} // namespace
} // namespace tally
