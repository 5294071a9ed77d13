#include "rating/plan/difference.hpp"

#include "tests/rating/plan/timeline.hpp"
#include "tests/rating/rater/builders.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace tally::rating::tests {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr ingest::time_us now = 1'000'000;

rate version(std::string_view price, ingest::time_us begin = INT64_MIN,
             ingest::time_us end = INT64_MAX) {
    rate one = rate_of("44", {step(0, price, 60, 60)});
    one.effective_from = begin;
    one.effective_to = end;
    return one;
}

plan_definition plan_with(std::vector<rate> rates) {
    plan_definition plan;
    plan.code = "test";
    plan.rates = std::move(rates);
    return plan;
}

std::string text_of(rate const& one) {
    auto const moment = [](ingest::time_us t) {
        return t == INT64_MIN ? "-" : t == INT64_MAX ? "+" : std::to_string(t);
    };
    return to_string(one.steps[0].price) + " " + moment(one.effective_from) + ".." +
           moment(one.effective_to);
}

/// "price from..to" of every stored version, by begin; "-" and "+" mean no begin and no end.
std::vector<std::string> timeline(stored_plan const& stored) {
    auto rates = stored.plan.rates;
    std::ranges::sort(rates, {}, &rate::effective_from);
    std::vector<std::string> found;
    for (auto const& each : rates) {
        found.push_back(text_of(each));
    }
    return found;
}

/// The changes of a difference to rates, as text; "" when there are none.
std::string texts(plan_difference const& changes) {
    std::string text;
    for (auto const& each : changes.rates.added) {
        text += "add " + text_of(each) + ";";
    }
    for (auto const& each : changes.rates.ended) {
        text += "end " + text_of(each.before) + " at " + std::to_string(each.end) + ";";
    }
    for (auto const& each : changes.rates.removed) {
        text += "remove " + text_of(each) + ";";
    }
    return text + (changes.empty() || !text.empty() ? "" : "something");
}

/// A plan to which definitions are applied, one after another.
struct history {
    stored_plan stored;
    bool is_there = false;
    std::uint32_t last_id = 0;

    plan_difference compare(plan_definition const& wanted, ingest::time_us time) const {
        return difference_of(is_there ? &stored : nullptr, wanted, time);
    }
    history& apply(std::vector<rate> rates, ingest::time_us time = now) {
        auto const wanted = plan_with(std::move(rates));
        tests::apply(stored, compare(wanted, time), last_id);
        is_there = true;
        stored.plan.code = wanted.code;
        return *this;
    }
};

TEST(plan_difference, of_a_new_plan_is_all_of_it_from_the_beginning) {
    EXPECT_THAT(timeline(history{}.apply({version("1")}).stored), ElementsAre("1 -..+"));
}

TEST(plan_difference, of_the_same_plan_is_nothing) {
    history one;
    one.apply({version("1"), version("2", 500), version("3", 2'000'000)});
    EXPECT_TRUE(
        one.compare(plan_with({version("1"), version("2", 500), version("3", 2'000'000)}), now + 5)
            .empty());
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..500", "2 500..2000000", "3 2000000..+"));
}

TEST(plan_difference, closes_a_changed_rate_now) {
    history one;
    one.apply({version("1")}).apply({version("2")});
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..1000000", "2 1000000..+"));
}

TEST(plan_difference, closes_a_changed_rate_where_the_new_one_begins) {
    EXPECT_THAT(timeline(history{}.apply({version("1")}).apply({version("2", 3'000'000)}).stored),
                ElementsAre("1 -..3000000", "2 3000000..+"));
    EXPECT_THAT(timeline(history{}.apply({version("1")}).apply({version("2", 300)}).stored),
                ElementsAre("1 -..300", "2 300..+"));
}

TEST(plan_difference, closes_a_rate_that_is_gone) {
    EXPECT_THAT(timeline(history{}.apply({version("1")}).apply({}).stored),
                ElementsAre("1 -..1000000"));
}

TEST(plan_difference, begins_a_rate_again_that_was_gone) {
    history one;
    one.apply({version("1")}, 10).apply({}, 20).apply({version("1")}, 30);
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..20", "1 30..+"));
}

TEST(plan_difference, holds_a_further_prefix_from_now_on) {
    history one;
    one.apply({version("1")});
    rate other = version("5");
    other.prefix = "4420";
    one.apply({version("1"), other});
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..+", "5 1000000..+"));
}

TEST(plan_difference, corrects_a_price_that_holds_already_from_now_on) {
    history one;
    one.apply({version("1", 100)}).apply({version("2", 100)});
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 100..1000000", "2 1000000..+"));
    EXPECT_TRUE(one.compare(plan_with({version("2", 100)}), now + 50).empty());
}

TEST(plan_difference, replaces_what_is_planned_and_holds_for_nobody_yet) {
    history one;
    one.apply({version("1"), version("2", 5'000'000)});
    one.apply({version("1"), version("3", 5'000'000)});
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..5000000", "3 5000000..+"));
    one.apply({version("1")}, now + 1);
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..+")) << "the plan was given up";
}

TEST(plan_difference, an_exception_gives_way_to_what_held_before_it) {
    history one;
    one.apply({version("1"), version("2", 500, 2'000'000)});
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..+", "2 500..2000000"));
    // A new price that a current exception overrides begins after the exception.
    one.apply({version("3"), version("2", 500, 2'000'000)});
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..500", "2 500..2000000", "3 2000000..+"));
    EXPECT_TRUE(
        one.compare(plan_with({version("3"), version("2", 500, 2'000'000)}), now + 1).empty());
}

TEST(plan_difference, an_exception_that_is_over_does_not_end_what_held_around_it) {
    history one;
    one.apply({version("1"), version("2", 500, 600)});
    one.apply({version("3"), version("2", 500, 600)});
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..1000000", "2 500..600", "3 1000000..+"));
}

TEST(plan_difference, a_new_name_is_no_new_price) {
    history one;
    one.apply({version("1")});
    rate named = version("1");
    named.name = "United Kingdom";
    one.apply({named});
    EXPECT_THAT(timeline(one.stored), ElementsAre("1 -..+"));
    EXPECT_EQ(one.stored.plan.rates[0].name, "United Kingdom");
}

TEST(plan_difference, tells_what_changes_of_the_plan_itself) {
    stored_plan stored;
    stored.plan = plan_with({});
    stored.plan.name = "Before";
    auto wanted = stored.plan;
    wanted.name = "After";
    wanted.included_minutes = 5;
    wanted.annual_price = money("12");
    EXPECT_THAT(difference_of(&stored, wanted, now).head,
                ElementsAre(head_change{"name", "Before", "After"},
                            head_change{"annual_price", "", "12"},
                            head_change{"included_minutes", "0", "5"}));
}

TEST(plan_difference, keeps_bands_that_ended_rates_name) {
    history one;
    one.stored.plan = plan_with({});
    one.stored.plan.bands = {{"peak", 1, 0, 60, {}, 1}, {"night", 2, 0, 60, {}, 1}};
    one.is_there = true;
    rate peak = version("1");
    peak.band = 0;
    one.stored.plan.rates = {peak};
    auto const changes = one.compare(plan_with({}), now);
    EXPECT_THAT(changes.removed_bands, ElementsAre(1U));
    ASSERT_EQ(changes.rates.ended.size(), 1U);
    one.stored.plan.rates[0].effective_to = now;
    EXPECT_THAT(in_effect_from(one.stored, now).bands, ElementsAre(band{"night", 2, 0, 60, {}, 1}));
}

TEST(plan_difference, finds_bands_by_their_names) {
    history one;
    one.stored.plan = plan_with({});
    one.stored.plan.bands = {{"a", 1, 0, 60, {}, 1}, {"b", 2, 0, 60, {}, 1}};
    rate in_a = version("1");
    in_a.band = 0;
    one.stored.plan.rates = {in_a};
    one.is_there = true;
    auto wanted = one.stored.plan;
    wanted.bands = {{"c", 4, 0, 60, {}, 1}, {"a", 1, 0, 90, {}, 1}, {"b", 2, 0, 60, {}, 1}};
    wanted.rates[0].band = 1;
    auto const changes = one.compare(wanted, now);
    EXPECT_TRUE(changes.rates.empty());
    EXPECT_THAT(changes.changed_bands, ElementsAre(0U));
    EXPECT_THAT(changes.order, ElementsAre(2U, 0U, 1U));
    EXPECT_TRUE(changes.is_reordered);
    EXPECT_THAT(changes.removed_bands, IsEmpty());
}

/// So few instants that versions meet, touch and overlap.
ingest::time_us random_moment() {
    return *rc::gen::inRange<ingest::time_us>(0, 12) * 100;
}

std::vector<rate> random_versions() {
    std::set<ingest::time_us> begins;
    int const count = *rc::gen::inRange(0, 4);
    for (int i = 0; i < count; ++i) {
        begins.insert(*rc::gen::arbitrary<bool>() ? random_moment() : INT64_MIN);
    }
    std::vector<rate> rates;
    for (auto const origin : begins) {
        ingest::time_us end = INT64_MAX;
        auto const next = begins.upper_bound(origin);
        if (*rc::gen::arbitrary<bool>()) {
            end = random_moment() + 50;
            end = end <= origin ? origin + 50 : end;
            end = next != begins.end() ? std::min(end, *next) : end; // as read_plan asks
        }
        rates.push_back(version(*rc::gen::element("1", "2", "3"), origin, end));
    }
    return rates;
}

std::string price_at(std::vector<rate> const& rates, ingest::time_us when) {
    auto const* const held = held_at(rates, when);
    return held == nullptr ? "none" : to_string(held->steps[0].price);
}

RC_GTEST_PROP(plan_difference_property, applied_says_what_the_file_says, ()) {
    history one;
    ingest::time_us time = 1;
    int const applies = *rc::gen::inRange(1, 6);
    for (int i = 0; i < applies; ++i) {
        time += *rc::gen::inRange<ingest::time_us>(1, 400);
        auto const before = one.stored.plan.rates;
        auto const wanted = random_versions();
        one.apply(wanted, time);
        std::set<ingest::time_us> begins;
        for (auto const& each : one.stored.plan.rates) {
            RC_ASSERT(each.effective_from < each.effective_to);
            RC_ASSERT(begins.insert(each.effective_from).second);
        }
        for (ingest::time_us when = time; when < 1500; when += 25) {
            if (held_at(wanted, when) != nullptr) {
                RC_ASSERT(price_at(one.stored.plan.rates, when) == price_at(wanted, when));
            }
        }
        for (ingest::time_us const later : {time, time + 1, time + 333}) {
            RC_ASSERT(texts(one.compare(plan_with(wanted), later)) == "");
            auto const file = in_effect_from(one.stored, later);
            RC_ASSERT(texts(one.compare(file, later)) == "");
        }
        bool const has_instants = std::ranges::any_of(wanted, [](rate const& each) {
            return each.effective_from != INT64_MIN || each.effective_to != INT64_MAX;
        });
        for (ingest::time_us when = 0; !before.empty() && !has_instants && when < time;
             when += 25) {
            RC_ASSERT(price_at(one.stored.plan.rates, when) == price_at(before, when));
        }
    }
}

} // namespace
} // namespace tally::rating::tests
