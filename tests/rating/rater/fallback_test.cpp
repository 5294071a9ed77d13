#include "rating/rater/rater.hpp"

#include "tests/rating/rater/builders.hpp"

#include <gtest/gtest.h>
#include <stdexcept>

// Which rates charge a call: on-net rates, those of the plan, those of its fallbacks.

namespace tally::rating::tests {
namespace {

using ingest::us_per_s;

rate on_net(rate r) {
    r.is_on_net = true;
    return r;
}

tariff::content plan_with(std::vector<rate> rates, std::shared_ptr<tariff const> behind = nullptr) {
    auto made = content_of("UTC", {}, std::move(rates));
    made.fallback = std::move(behind);
    return made;
}

TEST(on_net, its_rates_are_asked_first_and_by_nobody_else) {
    tariff const plan(plan_with({by_second("44", "1"), on_net(by_second("", "0.1"))}));
    EXPECT_EQ(cost_of(call_of(60), plan, true), "6"); // though the other prefix is longer
    EXPECT_EQ(cost_of(call_of(60), plan, false), "60");
    tariff const only(plan_with({on_net(by_second("44", "0.1"))}));
    EXPECT_EQ(cost_of(call_of(60), only, true), "6");
    EXPECT_EQ(cost_of(call_of(60), only, false), "no_rate");
}

TEST(on_net, without_a_rate_of_its_own_the_call_is_an_ordinary_one) {
    tariff const plan(plan_with({by_second("44", "1"), on_net(by_second("33", "0.1"))}));
    EXPECT_EQ(cost_of(call_of(60), plan, true), "60");
    // A plan whose bands do not cover the moment has no rate either, ...
    auto content = plan_with({by_second("44", "1"), on_net(by_second("44", "0.1", 0))});
    content.bands = {band_of("morning", 8 * hour_s, 12 * hour_s)};
    EXPECT_EQ(cost_of(call_at(noon - 60 * us_per_s, 60), tariff(content), true), "6");
    EXPECT_EQ(cost_of(call_at(noon, 60), tariff(content), true), "60");
    // ... but a call that was answered within a band of the plan remains with the plan.
    EXPECT_EQ(cost_of(call_at(noon - 60 * us_per_s, 61), tariff(content), true), "no_rate");
}

TEST(on_net, longer_prefixes_and_versions_work_as_for_other_rates) {
    rate ended = on_net(by_second("442", "5"));
    ended.effective_to = noon;
    tariff const plan(plan_with({ended, on_net(by_second("4420", "3")), on_net(by_second("", "2")),
                                 on_net(by_second("442", "4"))}));
    EXPECT_EQ(cost_of(call_of(1), plan, true), "3");
    auto other = call_of(1);
    other.destination = "4428";
    EXPECT_EQ(cost_of(other, plan, true), "4");
    other.destination = "999";
    EXPECT_EQ(cost_of(other, plan, true), "2");
}

TEST(on_net, a_plan_asks_when_it_or_a_fallback_has_such_rates) {
    auto const none = shared(plan_with({by_second("44", "1")}));
    auto const some = shared(plan_with({on_net(by_second("44", "1"))}));
    EXPECT_FALSE(none->asks_on_net());
    EXPECT_TRUE(some->asks_on_net());
    EXPECT_TRUE(tariff(plan_with({}, some)).asks_on_net());
    EXPECT_FALSE(tariff(plan_with({}, none)).asks_on_net());
}

TEST(fallback, is_asked_when_the_plan_has_no_rate) {
    auto const behind = shared(plan_with({by_second("", "2"), by_second("4420", "3")}));
    tariff const plan(plan_with({by_second("33", "1"), by_second("44", "1")}, behind));
    EXPECT_EQ(cost_of(call_of(60), plan), "60"); // the plan's own, though the other is longer
    auto other = call_of(60);
    other.destination = "49";
    EXPECT_EQ(cost_of(other, plan), "120");
    allowance none;
    EXPECT_EQ(rate_call(other, plan, none).charged_rate, behind->find("49", other.direction, noon));
}

TEST(fallback, is_asked_when_no_band_of_the_longest_prefix_covers_the_moment) {
    auto const behind = shared(plan_with({by_second("", "2")}));
    auto content = plan_with({by_second("44", "1", 0), by_second("4", "7")}, behind);
    content.bands = {band_of("morning", 8 * hour_s, 12 * hour_s)};
    tariff const plan(content);
    EXPECT_EQ(cost_of(call_at(noon - us_per_s, 1), plan), "1");
    EXPECT_EQ(cost_of(call_at(noon, 1), plan), "2");
    // A call that began with a rate of the plan is not continued with the fallback.
    EXPECT_EQ(cost_of(call_at(noon - us_per_s, 2), plan), "no_rate");
}

TEST(fallback, three_are_asked_and_no_more) {
    std::shared_ptr<tariff const> behind = shared(plan_with({by_second("44", "1")}));
    for (int depth = 1; depth <= 5; ++depth) {
        behind = shared(plan_with({}, behind));
        EXPECT_EQ(cost_of(call_of(60), *behind), depth <= 3 ? "60" : "no_rate") << depth;
    }
}

TEST(fallback, on_net_rates_of_a_plan_come_before_its_others_and_after_the_plan_before) {
    auto const behind = shared(plan_with({by_second("44", "4"), on_net(by_second("44", "3"))}));
    EXPECT_EQ(cost_of(call_of(1), tariff(plan_with({}, behind)), true), "3");
    EXPECT_EQ(cost_of(call_of(1), tariff(plan_with({}, behind)), false), "4");
    EXPECT_EQ(cost_of(call_of(1), tariff(plan_with({by_second("44", "2")}, behind)), true), "2");
}

TEST(fallback, charges_by_its_own_bands_zone_and_split_rule) {
    band const morning = band_of("morning", 8 * hour_s, 12 * hour_s);
    auto content =
        content_of("Asia/Kolkata", {morning}, {by_second("44", "1", 0), by_second("44", "0.1")});
    auto const noon_in_india = utc(2026, 3, 10, 6, 30);
    for (bool const split : {true, false}) {
        content.head.split_at_bands = split;
        auto plan = plan_with({}, shared(content));
        plan.bands = {band_of("idle", 0, band::day_s, 100)};
        plan.head.split_at_bands = !split;
        EXPECT_EQ(cost_of(call_at(noon_in_india - 30 * us_per_s, 60), tariff(plan)),
                  split ? "33" : "60");
    }
}

TEST(fallback, rounding_and_allowance_stay_those_of_the_plan) {
    rate r = rate_of("44", {step(0, "1", 60, 1)});
    r.allowance = true;
    auto behind = plan_with({r});
    behind.head.rounding_mode = {rounding_mode::up, 0};
    behind.head.included_s = 6'000;
    auto plan = plan_with({}, shared(behind));
    plan.head.rounding_mode = {rounding_mode::down, 2};
    allowance left{0, 10};
    auto const rated = rate_call(call_of(60), tariff(plan), left);
    EXPECT_EQ(rated.cost, money("0.83"));
    EXPECT_EQ(rated.allowance_s, 10);
    EXPECT_EQ(left.used_s, 10);
}

TEST(fallback, of_another_currency_is_refused) {
    auto dollars = plan_with({by_second("44", "1")});
    dollars.head.code = "usd";
    dollars.head.currency = {'U', 'S', 'D'};
    auto const plan = plan_with({}, shared(dollars));
    try {
        tariff const refused(plan);
        FAIL() << "taken";
    } catch (std::invalid_argument const& reason) {
        EXPECT_STREQ(reason.what(), "plan 'test': its fallback plan 'usd' is of another currency");
    }
}

} // namespace
} // namespace tally::rating::tests
