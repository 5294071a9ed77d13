#include "rating/rater/rater.hpp"

#include "tests/rating/rater/builders.hpp"

#include <chrono>
#include <gtest/gtest.h>

// The cost of calls that begin in a band or cross bands. Prices are per second: 1 in the first band
// of a plan, 0.1 in the next. So a cost shows how many seconds were in which band.

namespace tally::rating::tests {
namespace {

using ingest::record_error;
using ingest::time_us;
using ingest::us_per_s;

band const peak = band_of("peak", 8 * hour_s, 19 * hour_s, 10, monday_to_friday);
band const off_peak = band_of("off-peak", 0, band::day_s);

/// 18:59:30 of a Tuesday in India, half a minute before peak ends.
constexpr time_us before_seven = utc(2026, 3, 10, 13, 29, 30);

tariff::content peak_and_off_peak() {
    return content_of("Asia/Kolkata", {peak, off_peak},
                      {by_second("44", "1", 0), by_second("44", "0.1", 1)});
}

tariff unsplit(tariff::content content) {
    content.head.split_at_bands = false;
    return tariff(std::move(content));
}

TEST(band_rating, a_call_across_a_boundary_is_charged_by_both_bands) {
    tariff const plan(peak_and_off_peak());
    EXPECT_EQ(cost_of(call_at(before_seven, 30), plan), "30");
    EXPECT_EQ(cost_of(call_at(before_seven, 31), plan), "30.1");
    EXPECT_EQ(cost_of(call_at(before_seven, 60), plan), "33");
    EXPECT_EQ(cost_of(call_at(utc(2026, 3, 10, 2, 29, 30), 60), plan), "33"); // 07:59:30
}

TEST(band_rating, without_the_split_the_band_it_began_in_charges_all_of_it) {
    auto const plan = unsplit(peak_and_off_peak());
    EXPECT_EQ(cost_of(call_at(before_seven, 60), plan), "60");
    EXPECT_EQ(cost_of(call_at(before_seven + 30 * us_per_s, 60), plan), "6");
}

TEST(band_rating, an_increment_belongs_to_the_band_in_which_it_begins) {
    auto content = peak_and_off_peak();
    content.rates[0].steps[0].increment_s = 45;
    tariff const plan(content);
    EXPECT_EQ(cost_of(call_at(before_seven, 60), plan), "46.5"); // the next begins at 19:00:15
    content.rates[1].steps[0].increment_s = 60;
    EXPECT_EQ(cost_of(call_at(before_seven, 60), tariff(content)), "51");
    EXPECT_EQ(cost_of(call_at(before_seven, 45), tariff(content)), "45");
}

TEST(band_rating, parts_of_a_second_shift_the_boundary) {
    tariff const plan(peak_and_off_peak());
    // Seconds of the call begin at .4 and at .999999; what begins before 19:00:00 is peak.
    EXPECT_EQ(cost_of(call_at(before_seven + 400'000, 60), plan), "33");
    EXPECT_EQ(cost_of(call_at(before_seven - 400'000, 60), plan), "33.9");
    EXPECT_EQ(cost_of(call_at(before_seven + 30 * us_per_s - 1, 60), plan), "6.9");
    EXPECT_EQ(cost_of(call_at(before_seven + 30 * us_per_s, 60), plan), "6");
}

TEST(band_rating, steps_go_by_seconds_of_the_call_and_bands_by_the_clock) {
    auto content = peak_and_off_peak();
    content.rates[0].steps.push_back(step(40, "2", 1, 1));
    content.rates[1].steps.push_back(step(50, "0.2", 1, 1));
    // 30 s of peak's first step, 20 of off-peak's first, 10 of its second.
    EXPECT_EQ(cost_of(call_at(before_seven, 60), tariff(content)), "34");
    // Second 40 comes before seven: 40 + 10 * 2, then 10 of off-peak's second step.
    EXPECT_EQ(cost_of(call_at(before_seven - 20 * us_per_s, 60), tariff(content)), "62");
}

TEST(band_rating, of_bands_that_cover_a_moment_the_heaviest_holds) {
    band holiday = band_of("holiday", 0, band::day_s, 20);
    holiday.dates = {date_of(2026, 3, 10)};
    auto content =
        content_of("Asia/Kolkata", {off_peak, peak, holiday},
                   {by_second("44", "0.1", 0), by_second("44", "1", 1), by_second("44", "5", 2)});
    EXPECT_EQ(cost_of(call_at(before_seven, 60), tariff(content)), "300");
    EXPECT_EQ(cost_of(call_at(before_seven + 24 * hour_s * us_per_s, 60), tariff(content)), "33");
    content.bands[2].weight = 5;
    EXPECT_EQ(cost_of(call_at(before_seven, 60), tariff(content)), "180"); // peak, then holiday
}

TEST(band_rating, of_bands_of_one_weight_the_first_of_the_plan_holds) {
    band const day = band_of("day", 0, band::day_s, 3);
    for (bool const turned : {false, true}) {
        // The order of the rates and the names of the bands do not matter.
        auto content = content_of("UTC", {day, day},
                                  {by_second("44", turned ? "2" : "1", turned ? 1 : 0),
                                   by_second("44", turned ? "1" : "2", turned ? 0 : 1)});
        EXPECT_EQ(cost_of(call_at(noon, 60), tariff(content)), "60");
    }
}

TEST(band_rating, a_rate_without_a_band_is_below_every_named_one) {
    auto const content =
        content_of("Asia/Kolkata", {band_of("light", 8 * hour_s, 19 * hour_s, -1'000)},
                   {by_second("44", "0.1"), by_second("44", "1", 0)});
    EXPECT_EQ(cost_of(call_at(before_seven, 60), tariff(content)), "33");
}

TEST(band_rating, the_longest_prefix_wins_before_the_band_is_looked_at) {
    tariff const plan(
        content_of("Asia/Kolkata", {peak}, {by_second("442", "1", 0), by_second("44", "0.1")}));
    EXPECT_EQ(cost_of(call_at(before_seven, 30), plan), "30");
    EXPECT_EQ(cost_of(call_at(before_seven + 30 * us_per_s, 30), plan), "no_rate");
    auto elsewhere = call_at(before_seven, 60);
    elsewhere.destination = "+4411";
    EXPECT_EQ(cost_of(elsewhere, plan), "6");
}

TEST(band_rating, a_prefix_counts_when_any_band_of_it_is_in_effect) {
    rate ended = by_second("442", "7");
    ended.effective_to = before_seven;
    auto const content = content_of("Asia/Kolkata", {peak},
                                    {by_second("442", "1", 0), ended, by_second("44", "0.1")});
    EXPECT_EQ(cost_of(call_at(before_seven + 30 * us_per_s, 30), tariff(content)), "no_rate");
    EXPECT_EQ(cost_of(call_at(before_seven - 1 - 24 * hour_s * us_per_s, 32), tariff(content)),
              "38"); // still in effect for all of the call
}

TEST(band_rating, a_call_that_runs_out_of_bands_has_no_rate) {
    auto const content = content_of("Asia/Kolkata", {peak}, {by_second("44", "1", 0)});
    tariff const plan(content);
    EXPECT_EQ(cost_of(call_at(before_seven, 30), plan), "30");
    EXPECT_EQ(cost_of(call_at(before_seven, 31), plan), "no_rate");
    EXPECT_EQ(cost_of(call_at(before_seven, 31), unsplit(content)), "31");
    auto drawing = content;
    drawing.rates[0].allowance = true;
    allowance left{0, 600};
    EXPECT_EQ(rate_call(call_at(before_seven, 31), tariff(drawing), left).error,
              record_error::no_rate);
    EXPECT_EQ(left, (allowance{0, 600}));
    // An increment that began in time runs over the end.
    drawing.rates[0].steps[0].increment_s = 31;
    EXPECT_EQ(cost_of(call_at(before_seven, 31), tariff(drawing)), "31");
}

TEST(band_rating, days_on_which_the_clocks_change_are_charged_by_elapsed_seconds) {
    auto const night = content_of("Europe/London", {band_of("night", 0, 2 * hour_s)},
                                  {by_second("44", "1", 0), by_second("44", "0.1")});
    tariff const plan(night);
    // From 00:59:59 the clocks go to 02:00:00; from 01:59:59 back to 01:00:00.
    EXPECT_EQ(cost_of(call_at(utc(2026, 3, 29, 0, 59, 30), 60), plan), "33");
    EXPECT_EQ(cost_of(call_at(utc(2026, 3, 29), 2 * hour_s), plan), "3960");
    EXPECT_EQ(cost_of(call_at(utc(2026, 10, 24, 23), 4 * hour_s), plan), "11160"); // 3 h of night
    EXPECT_EQ(cost_of(call_at(utc(2026, 3, 10), 3 * hour_s), plan), "7560");
}

TEST(band_rating, the_versions_at_the_answer_hold_for_the_whole_call) {
    auto content = peak_and_off_peak();
    content.rates[1].effective_to = before_seven + 10 * us_per_s;
    rate next = by_second("44", "9", 1);
    next.effective_from = before_seven + 10 * us_per_s;
    content.rates.push_back(next);
    tariff const plan(content);
    EXPECT_EQ(cost_of(call_at(before_seven, 60), plan), "33");
    EXPECT_EQ(cost_of(call_at(before_seven + 10 * us_per_s, 60), plan), "380"); // 20 + 40 * 9
}

TEST(band_rating, fee_bounds_grace_and_what_explains_are_of_the_band_it_began_in) {
    auto content = peak_and_off_peak();
    content.rates[0].id = id_of(1);
    content.rates[0].connect_fee = money("0.5");
    content.rates[0].maximum = money("32");
    content.rates[1].id = id_of(2);
    content.rates[1].connect_fee = money("100");
    content.rates[1].minimum = money("200");
    content.rates[1].grace_s = 90;
    tariff const plan(content);
    allowance none;
    auto const rated = rate_call(call_at(before_seven, 60), plan, none);
    EXPECT_EQ(rated.cost, money("32"));
    EXPECT_EQ(rated.connect_fee, money("0.5"));
    EXPECT_EQ(rated.rate_per_minute, money("60"));
    EXPECT_EQ(rated.charged_rate->id, id_of(1));
    EXPECT_EQ(cost_of(call_at(before_seven, 31), plan), "30.6");
    EXPECT_EQ(cost_of(call_at(before_seven + 30 * us_per_s, 91), plan), "200");
    EXPECT_EQ(cost_of(call_at(before_seven + 30 * us_per_s, 90), plan), "0");
}

TEST(band_rating, within_grace_nothing_later_is_looked_at) {
    auto content = content_of("Asia/Kolkata", {peak}, {by_second("44", "1", 0)});
    content.rates[0].grace_s = 60;
    EXPECT_EQ(cost_of(call_at(before_seven, 60), tariff(content)), "0");
    EXPECT_EQ(cost_of(call_at(before_seven, 61), tariff(content)), "no_rate");
}

TEST(band_rating, each_bands_rate_says_whether_it_draws) {
    auto content = peak_and_off_peak();
    content.rates[1].allowance = true;
    allowance left{0, 20};
    auto rated = rate_call(call_at(before_seven, 60), tariff(content), left);
    EXPECT_EQ(rated.cost, money("31")); // 30 of peak, 10 beyond the allowance
    EXPECT_EQ(rated.allowance_s, 20);
    EXPECT_EQ(left.used_s, 20);
    content.rates[0].allowance = true;
    left = {0, 40};
    rated = rate_call(call_at(before_seven, 60), tariff(content), left);
    EXPECT_EQ(rated.cost, money("2"));
    EXPECT_EQ(rated.allowance_s, 40);
}

TEST(band_rating, an_unanswered_call_names_the_rate_of_its_start) {
    tariff const plan(peak_and_off_peak());
    auto call = call_at(before_seven + 31 * us_per_s, 0);
    call.answer = ingest::never_us;
    call.start = before_seven + 29 * us_per_s;
    allowance none;
    EXPECT_EQ(rate_call(call, plan, none).charged_rate->steps[0].price, money("1"));
    call.start += 2 * us_per_s;
    EXPECT_EQ(rate_call(call, plan, none).charged_rate->steps[0].price, money("0.1"));
}

TEST(band_rating, a_week_by_the_second_across_all_bands_is_quick) {
    tariff const plan(peak_and_off_peak());
    auto const call = call_at(utc(2026, 3, 8, 18, 30), 7 * 24 * hour_s - 5); // Monday 00:00
    auto const begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 20'000; ++i) {
        ASSERT_EQ(cost_of(call, plan), "238679.5"); // 5 * 11 h at 1, the others at 0.1
    }
    // A loop over increments would take 12,000,000,000 steps.
    EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(20));
}

TEST(band_rating, units_that_cannot_be_added_exactly_are_an_overflow) {
    auto content = peak_and_off_peak();
    content.rates[0].steps = {step(0, "1", 4'294'967'291, 1)};
    content.rates[1].steps = {step(0, "1", 4'294'967'279, 1)};
    tariff const plan(content);
    EXPECT_EQ(cost_of(call_at(before_seven, 30), plan), "0");
    EXPECT_EQ(cost_of(call_at(before_seven, 31), plan), "amount_overflow");
}

TEST(band_rating, times_beyond_any_calendar_are_rated) {
    tariff const plan(peak_and_off_peak());
    for (time_us const answer : {INT64_MIN + 1, INT64_MAX - 604'800 * us_per_s}) {
        auto call = call_of(3600);
        call.answer = answer;
        EXPECT_NE(cost_of(call, plan), "no_rate");
    }
}

TEST(explain, gives_the_pieces_of_a_call) {
    auto content = peak_and_off_peak();
    content.rates[0].steps = {step(0, "1", 60, 20)};
    content.rates[1].steps = {step(0, "0.1", 7, 6), step(50, "0.2", 60, 6)};
    content.rates[1].allowance = true;
    content.rates[1].connect_fee = money("3");
    tariff const plan(content);
    allowance left{0, 8};
    std::vector<charged_piece> pieces;
    auto const rated = explain_call(call_at(before_seven, 60), plan, left, false, pieces);
    ASSERT_EQ(pieces.size(), 3U);
    EXPECT_EQ(pieces[0].charged_rate, rated.charged_rate);
    EXPECT_EQ(pieces[0].in_band->name, "peak");
    EXPECT_EQ(pieces[0].begin_s, 0);
    EXPECT_EQ(pieces[0].seconds, 40); // the second increment runs over seven o'clock
    EXPECT_EQ(pieces[0].allowance_s, 0);
    EXPECT_EQ(pieces[0].cost, money("0.666666667"));
    EXPECT_EQ(pieces[1].in_band->name, "off-peak");
    EXPECT_EQ(pieces[1].begin_s, 40);
    EXPECT_EQ(pieces[1].seconds, 12);
    EXPECT_EQ(pieces[1].allowance_s, 6);
    EXPECT_EQ(pieces[1].cost, money("0.085714286"));
    EXPECT_EQ(pieces[2].step.from_s, 50U);
    EXPECT_EQ(pieces[2].begin_s, 52);
    EXPECT_EQ(pieces[2].seconds, 12);
    EXPECT_EQ(pieces[2].cost, money("0.04"));
    EXPECT_EQ(rated.cost, money("0.7924"));
    EXPECT_EQ(rated.billed_s, 64);
    EXPECT_EQ(left.used_s, 6);
}

TEST(explain, a_boundary_at_which_nothing_changes_cuts_no_piece) {
    auto const content = content_of("UTC", {band_of("noon", 12 * hour_s, 13 * hour_s)},
                                    {by_second("4", "9", 0), by_second("44", "1")});
    allowance none;
    std::vector<charged_piece> pieces;
    (void)explain_call(call_at(noon, 2 * hour_s), tariff(content), none, false, pieces);
    ASSERT_EQ(pieces.size(), 1U);
    EXPECT_EQ(pieces[0].in_band, nullptr);
    EXPECT_EQ(pieces[0].seconds, 2 * hour_s);
}

TEST(explain, free_and_failed_calls_have_no_pieces) {
    auto content = content_of("Asia/Kolkata", {peak}, {by_second("44", "1", 0)});
    allowance none;
    std::vector<charged_piece> pieces(5);
    auto rated = explain_call(call_at(before_seven, 31), tariff(content), none, false, pieces);
    EXPECT_EQ(rated.error, record_error::no_rate);
    EXPECT_TRUE(pieces.empty());
    content.rates[0].grace_s = 31;
    rated = explain_call(call_at(before_seven, 31), tariff(content), none, false, pieces);
    EXPECT_EQ(rated.error, record_error::none);
    EXPECT_TRUE(pieces.empty());
}

TEST(explain, a_piece_that_fits_no_amount_says_so) {
    rate r = by_second("44", "9000000000");
    r.steps[0].unit_s = 60;
    r.maximum = money("10");
    allowance none;
    std::vector<charged_piece> pieces;
    auto const rated = explain_call(call_of(120), plan_of({r}), none, false, pieces);
    EXPECT_EQ(rated.cost, money("10"));
    ASSERT_EQ(pieces.size(), 1U);
    EXPECT_EQ(pieces[0].cost, std::nullopt);
}

} // namespace
} // namespace tally::rating::tests
