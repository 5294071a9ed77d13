#include "rating/tariff/tariff.hpp"

#include "tests/rating/rater/builders.hpp"

#include <gtest/gtest.h>
#include <stdexcept>
#include <string>

namespace tally::rating::tests {
namespace {

using ingest::call_direction;

rate named(std::string_view prefix, std::string_view name, ingest::time_us begin = INT64_MIN,
           ingest::time_us end = INT64_MAX) {
    rate r = rate_of(prefix, {step(0, "1", 60, 60)});
    r.name = name;
    r.effective_from = begin;
    r.effective_to = end;
    return r;
}

std::string found(tariff const& plan, std::string_view digits, ingest::time_us when = noon,
                  call_direction direction = call_direction::outbound) {
    rate const* const r = plan.find(digits, direction, when);
    return r == nullptr ? "none" : r->name;
}

TEST(tariff, the_longest_prefix_wins) {
    auto const plan = plan_of({named("44", "uk"), named("447", "mobile"), named("1", "us")});
    EXPECT_EQ(found(plan, "442071"), "uk");
    EXPECT_EQ(found(plan, "447071"), "mobile");
    EXPECT_EQ(found(plan, "4"), "none");
    EXPECT_EQ(found(plan, ""), "none");
}

TEST(tariff, an_empty_prefix_matches_every_number_last) {
    auto const plan = plan_of({named("44", "uk"), named("", "world")});
    EXPECT_EQ(found(plan, "442071"), "uk");
    EXPECT_EQ(found(plan, "33"), "world");
    EXPECT_EQ(found(plan, ""), "world");
}

TEST(tariff, directions_do_not_mix) {
    rate inbound = named("44", "in");
    inbound.direction = call_direction::inbound;
    auto const plan = plan_of({inbound, named("4", "out")});
    EXPECT_EQ(found(plan, "442", noon, call_direction::inbound), "in");
    EXPECT_EQ(found(plan, "442", noon, call_direction::outbound), "out");
    EXPECT_EQ(found(plan_of({inbound}), "442"), "none");
}

TEST(tariff, the_newest_rate_in_effect_replaces_older_ones) {
    auto const plan = plan_of({named("44", "old", 100), named("44", "new", 300),
                               named("44", "first"), named("44", "action", 200, 250)});
    EXPECT_EQ(found(plan, "44", 99), "first");
    EXPECT_EQ(found(plan, "44", 100), "old");
    EXPECT_EQ(found(plan, "44", 200), "action");
    EXPECT_EQ(found(plan, "44", 249), "action");
    EXPECT_EQ(found(plan, "44", 250), "old");
    EXPECT_EQ(found(plan, "44", 300), "new");
}

TEST(tariff, a_longer_prefix_not_in_effect_gives_way_to_a_shorter_one) {
    auto const plan = plan_of({named("", "world"), named("44", "uk", 50, 500),
                               named("447", "mobile", 100, 200), named("4477", "vip", 1000)});
    EXPECT_EQ(found(plan, "447700", 150), "mobile");
    EXPECT_EQ(found(plan, "447700", 99), "uk");
    EXPECT_EQ(found(plan, "447700", 200), "uk");
    EXPECT_EQ(found(plan, "447700", 500), "world");
    EXPECT_EQ(found(plan, "447700", 1000), "vip");
}

TEST(tariff, finds_nothing_before_anything_is_in_effect) {
    EXPECT_EQ(found(plan_of({named("44", "uk", 100), named("447", "mobile", 100)}), "447", 99),
              "none");
    EXPECT_EQ(found(plan_of({}), "44"), "none");
}

TEST(tariff, keeps_every_rate) {
    auto const plan = plan_of({named("2", "b"), named("1", "a"), named("2", "c", 5)});
    EXPECT_EQ(plan.rates().size(), 3U);
    EXPECT_EQ(plan.head().code, "test");
}

std::string refusal(rate r) {
    r.name = "Jersey";
    try {
        plan_of({std::move(r)});
    } catch (std::invalid_argument const& refused) {
        return refused.what();
    }
    return "taken";
}

TEST(tariff, refuses_a_rate_that_cannot_be_charged_and_names_it) {
    for (rate const& bad : {
             rate_of("44", {}),
             rate_of("44", {step(1, "1", 60, 60)}),
             rate_of("44", {step(0, "1", 60, 60), step(0, "2", 60, 60)}),
             rate_of("44", {step(0, "1", 60, 60), step(9, "2", 60, 60), step(5, "2", 60, 60)}),
             rate_of("44", {step(0, "1", 0, 60)}),
             rate_of("44", {step(0, "1", 60, 0)}),
             rate_of("+44", {step(0, "1", 60, 60)}),
             rate_of(std::string(33, '4'), {step(0, "1", 60, 60)}),
             // The units are three large primes: their common denominator does not fit.
             rate_of("44", {step(0, "1", 4'294'967'291, 1), step(1, "1", 4'294'967'279, 1),
                            step(2, "1", 4'294'967'231, 1)}),
         }) {
        EXPECT_NE(refusal(bad).find("Jersey"), std::string::npos) << refusal(bad);
    }
    EXPECT_EQ(refusal(rate_of("44", {step(0, "1", 60, 60), step(60, "1", 7, 1)})), "taken");
}

TEST(tariff, refuses_bands_that_are_not_there_or_that_no_clock_shows) {
    auto const item = [](tariff::content const& content) -> std::string {
        try {
            tariff::check(content);
            tariff const taken(content);
            return "taken";
        } catch (std::invalid_argument const& refused) {
            return refused.what();
        }
    };
    auto content = content_of("UTC", {band_of("peak", 0, 5)}, {by_second("44", "1", 1)});
    EXPECT_NE(item(content).find("prefix '44'"), std::string::npos);
    content.rates[0].band = 0;
    EXPECT_EQ(item(content), "taken");
    content.bands[0].to_s = 86'401;
    EXPECT_EQ(item(content), "band 'peak': its hours must be from 00:00 to 24:00");
    content.bands[0].to_s = 5;
    content.head.time_zone = "Mars/Olympus";
    EXPECT_EQ(item(content), "no time zone 'Mars/Olympus'");
}

TEST(tariff, refuses_more_decimals_than_money_has) {
    EXPECT_THROW(plan_of({}, {rounding_mode::up, 10}), std::invalid_argument);
}

} // namespace
} // namespace tally::rating::tests
