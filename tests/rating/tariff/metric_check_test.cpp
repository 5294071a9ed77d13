#include "rating/rater/metric_rater.hpp"
#include "rating/tariff/metric_check.hpp"
#include "rating/tariff/tariff.hpp"

#include "tests/rating/rater/builders.hpp"

#include <functional>
#include <gmock/gmock.h>

namespace tally::rating::tests {
namespace {

metric_price sound(price_model model) {
    metric_price price;
    price.name = "api_calls";
    price.model = model;
    price.price = money("0.01");
    if (model == price_model::package) {
        price.package = quantity{100 * nanos_per_quantity};
    }
    if (model == price_model::graduated || model == price_model::volume) {
        price.tiers = {{quantity{10 * nanos_per_quantity}, money("1"), {}}, {{}, money("2"), {}}};
    }
    return price;
}

/// The error for a valid price after `spoil` has changed it; empty without an error.
std::string said_of(price_model model, std::function<void(metric_price&)> const& spoil) {
    metric_price price = sound(model);
    spoil(price);
    try {
        check_metric(price);
        return "";
    } catch (std::invalid_argument const& refused) {
        return refused.what();
    }
}

TEST(metric_check, takes_every_model) {
    for (auto const model : {price_model::per_unit, price_model::package, price_model::graduated,
                             price_model::volume, price_model::percentage}) {
        EXPECT_EQ(said_of(model, [](metric_price&) {}), "") << static_cast<int>(model);
    }
}

TEST(metric_check, names_the_metric_and_what_is_wrong_with_it) {
    using enum price_model;
    struct sample {
        price_model model;
        char const* answer;
        std::function<void(metric_price&)> spoil;
    };
    sample const samples[] = {
        {per_unit, "needs a name", [](metric_price& p) { p.name.clear(); }},
        {per_unit, "included quantity must be", [](metric_price& p) { p.included.nanos = -1; }},
        {per_unit, "included quantity must be",
         [](metric_price& p) { p.included.nanos = quantity_max.nanos + 1; }},
        {per_unit, "only a graduated or volume",
         [](metric_price& p) {
             p.tiers = {{{}, money("1"), {}}};
         }},
        {per_unit, "counting unique values",
         [](metric_price& p) { p.method = aggregation::unique; }},
        {per_unit, "minimum is above",
         [](metric_price& p) {
             p.minimum = money("2");
             p.maximum = money("1");
         }},
        {per_unit, "ends before",
         [](metric_price& p) { p.effective_from = p.effective_to = noon; }},
        {package, "package must hold", [](metric_price& p) { p.package = {}; }},
        {package, "package must hold", [](metric_price& p) { p.package.nanos = -1; }},
        {package, "package must hold",
         [](metric_price& p) { p.package.nanos = quantity_max.nanos + 1; }},
        {graduated, "needs tiers", [](metric_price& p) { p.tiers.clear(); }},
        {volume, "the last has none", [](metric_price& p) { p.tiers.pop_back(); }},
        {volume, "the last has none", [](metric_price& p) { p.tiers.front().up_to = {}; }},
        {graduated, "in the order", [](metric_price& p) { p.tiers.front().up_to = quantity{}; }},
        {graduated, "in the order",
         [](metric_price& p) { p.tiers.insert(p.tiers.begin(), p.tiers.front()); }},
    };
    for (auto const& each : samples) {
        EXPECT_THAT(said_of(each.model, each.spoil), testing::HasSubstr(each.answer));
    }
    EXPECT_THAT(said_of(package, [](metric_price& p) { p.package = {}; }),
                testing::StartsWith("metric 'api_calls': "));
}

std::shared_ptr<tariff const> plan_with(std::vector<metric_price> metrics,
                                        std::shared_ptr<tariff const> fallback = nullptr) {
    tariff::content content{};
    content.head.code = "test";
    content.metrics = std::move(metrics);
    content.fallback = std::move(fallback);
    return std::make_shared<tariff const>(std::move(content));
}

metric_price named(std::string name, std::string_view price, ingest::time_us begin = INT64_MIN,
                   ingest::time_us end = INT64_MAX) {
    metric_price metric;
    metric.name = std::move(name);
    metric.price = money(price);
    metric.effective_from = begin;
    metric.effective_to = end;
    return metric;
}

/// The price that is found, as text; "none" when there is none.
std::string found(tariff const& plan, std::string_view name, ingest::time_us when = noon) {
    auto const* metric = plan.find_metric(name, when);
    return metric == nullptr ? "none" : to_string(metric->price);
}

TEST(find_metric, finds_by_the_whole_name) {
    auto const plan = plan_with({named("sms", "1"), named("data", "2"), named("sms_mo", "3")});
    EXPECT_EQ(found(*plan, "sms"), "1");
    EXPECT_EQ(found(*plan, "sms_mo"), "3");
    EXPECT_EQ(found(*plan, "data"), "2");
    for (auto const* name : {"", "s", "smss", "SMS", "zz"}) {
        EXPECT_EQ(found(*plan, name), "none") << name;
    }
    EXPECT_EQ(found(*plan_with({}), "sms"), "none");
}

TEST(find_metric, takes_the_newest_that_is_in_effect) {
    auto const plan = plan_with({named("sms", "1"), named("sms", "2", noon),
                                 named("sms", "3", noon + 10, noon + 20), named("sms", "9")});
    EXPECT_EQ(found(*plan, "sms", noon - 1), "1") << "of those alike the first given";
    EXPECT_EQ(found(*plan, "sms", noon), "2");
    EXPECT_EQ(found(*plan, "sms", noon + 19), "3");
    EXPECT_EQ(found(*plan, "sms", noon + 20), "2");
}

TEST(find_metric, asks_fallback_plans_three_deep) {
    auto const fourth = plan_with({named("fourth", "4")});
    auto const third = plan_with({named("third", "3"), named("sms", "3")}, fourth);
    auto const second = plan_with({named("second", "2", noon, noon + 1)}, third);
    auto const first = plan_with({named("sms", "1")}, second);
    auto const plan = plan_with({}, first);
    EXPECT_EQ(found(*plan, "sms"), "1");
    EXPECT_EQ(found(*plan, "second"), "2");
    EXPECT_EQ(found(*plan, "second", noon + 1), "none") << "not in effect";
    EXPECT_EQ(found(*plan, "third"), "3");
    EXPECT_EQ(found(*plan, "fourth"), "none");
    EXPECT_EQ(found(*first, "fourth"), "4");
}

TEST(tariff_build, refuses_a_metric_that_cannot_be_charged) {
    metric_price bad = sound(price_model::package);
    bad.package = {};
    EXPECT_THROW(plan_with({named("sms", "1"), bad}), std::invalid_argument);
}

} // namespace
} // namespace tally::rating::tests
