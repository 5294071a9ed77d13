#pragma once

#include "rating/plan/definition.hpp"
#include "rating/plan/rules.hpp"

#include <rapidcheck.h>

#include <array>
#include <set>
#include <string>
#include <tuple>

/// Random valid plans, for round-trip tests of plan files and the plan store.
namespace tally::tests {

inline std::string random_text() {
    static constexpr std::array<char const*, 12> pieces{"a", "Z", "0", " ",      "\"",     "\\",
                                                        "'", "#", "=", "\u00e9", "\u0928", "]]"};
    std::string text;
    int const count = *rc::gen::inRange(0, 8);
    for (int i = 0; i < count; ++i) {
        text += pieces[*rc::gen::inRange<std::size_t>(0, pieces.size())];
    }
    return text;
}

inline rating::amount random_amount(std::int64_t most = 5'000'000'000'000) {
    auto const any = *rc::gen::inRange<std::int64_t>(0, most);
    return {*rc::gen::element(any, any / 10'000'000 * 10'000'000, std::int64_t{0})};
}

inline rating::quantity random_quantity() {
    return {rating::int128{*rc::gen::inRange<std::int64_t>(1, 5'000'000'000)} *
            *rc::gen::element(1, 1'000, 1'000'000'000)};
}

/// A period that is never in the past: an export contains only present and future versions.
inline void random_span(ingest::time_us& begin, ingest::time_us& end) {
    constexpr ingest::time_us year_2100 = 4'102'444'800LL * ingest::us_per_s;
    constexpr ingest::time_us year_us = 31'536'000LL * ingest::us_per_s;
    auto const offset = *rc::gen::inRange<ingest::time_us>(0, year_us);
    auto const moment =
        year_2100 + *rc::gen::element(offset, offset / ingest::us_per_s * ingest::us_per_s);
    begin = *rc::gen::element(INT64_MIN, moment);
    end = *rc::gen::element(INT64_MAX, year_2100 + year_us + offset);
}

inline rating::band random_band(int number) {
    rating::band one;
    one.name = "band " + std::to_string(number) + random_text();
    one.days = *rc::gen::inRange<std::uint8_t>(0, 128);
    one.from_s = *rc::gen::element(0, 8 * 3600, 86'399);
    one.to_s = *rc::gen::element(rating::band::day_s, 0, 7 * 3600 + 61);
    for (rating::civil_day day = 20'000; day < 20'003; ++day) {
        if (*rc::gen::arbitrary<bool>()) {
            one.dates.push_back(day);
        }
    }
    one.weight = *rc::gen::inRange(-3, 30);
    return one;
}

inline rating::rate random_rate(std::size_t bands) {
    rating::rate one;
    one.prefix = *rc::gen::element("", "4", "44", "4420", "91", "00000000001111111111222222222233");
    one.name = random_text();
    one.call_type = *rc::gen::element("", "mobile", "national");
    one.direction =
        *rc::gen::element(ingest::call_direction::outbound, ingest::call_direction::inbound);
    one.allowance = *rc::gen::arbitrary<bool>();
    one.grace_s = *rc::gen::element(0U, 3U);
    one.connect_fee = random_amount();
    one.minimum = random_amount();
    if (*rc::gen::arbitrary<bool>()) {
        one.maximum.nanos = one.minimum.nanos + random_amount().nanos;
    }
    random_span(one.effective_from, one.effective_to);
    std::uint32_t from_s = 0;
    int const steps = *rc::gen::inRange(1, 4);
    for (int i = 0; i < steps; ++i) {
        rating::amount price = random_amount();
        price.nanos *= *rc::gen::element(1, 1, -1);
        one.steps.push_back(
            {from_s, *rc::gen::element(1U, 60U, 3600U), *rc::gen::element(1U, 6U, 60U), price});
        from_s += *rc::gen::inRange(1U, 100U);
    }
    auto const band = *rc::gen::inRange<std::size_t>(0, bands + 1);
    one.band = band == bands ? rating::any_band : static_cast<rating::band_index>(band);
    one.is_on_net = *rc::gen::arbitrary<bool>();
    return one;
}

inline rating::metric_price random_metric(int number) {
    using rating::price_model;
    rating::metric_price one;
    one.name = "metric " + std::to_string(number);
    one.unit = random_text();
    one.method = *rc::gen::element(rating::aggregation::sum, rating::aggregation::unique,
                                   rating::aggregation::latest);
    one.unique_property = one.method == rating::aggregation::unique ? "user" : "";
    one.included = *rc::gen::element(rating::quantity{}, random_quantity());
    one.model =
        *rc::gen::element(price_model::per_unit, price_model::package, price_model::graduated,
                          price_model::volume, price_model::percentage);
    if (one.model == price_model::per_unit || one.model == price_model::package) {
        one.price = random_amount();
    }
    if (one.model == price_model::package) {
        one.package = random_quantity();
    }
    if (one.model == price_model::percentage) {
        one.percent = random_amount(100'000'000'000);
    }
    if (one.model == price_model::graduated || one.model == price_model::volume) {
        rating::quantity up_to;
        int const tiers = *rc::gen::inRange(0, 3);
        for (int i = 0; i < tiers; ++i) {
            up_to.nanos += random_quantity().nanos;
            one.tiers.push_back({up_to, random_amount(), random_amount()});
        }
        one.tiers.push_back({std::nullopt, random_amount(), random_amount()});
    }
    one.minimum = random_amount();
    random_span(one.effective_from, one.effective_to);
    return one;
}

/// Each key has at most one version: several could contradict each other.
inline rating::plan_definition random_plan(std::string code) {
    rating::plan_definition plan;
    plan.code = std::move(code);
    plan.name = "name " + random_text();
    plan.description = random_text() + "\n" + random_text();
    plan.currency = *rc::gen::element("INR", "EUR");
    plan.time_zone = *rc::gen::element("UTC", "Asia/Kolkata", "Europe/Berlin");
    plan.monthly_price.nanos = random_amount().nanos / 1000 * 1000;
    if (*rc::gen::arbitrary<bool>()) {
        plan.annual_price = rating::amount{random_amount().nanos / 1000 * 1000};
    }
    plan.included_minutes = *rc::gen::inRange(0, 10'000);
    plan.included_dids = *rc::gen::inRange(0, 10);
    plan.max_concurrent_calls = *rc::gen::element(std::optional<std::int32_t>{}, std::optional{7});
    plan.rounding_mode = {
        *rc::gen::element(rating::rounding_mode::up, rating::rounding_mode::half_even),
        *rc::gen::inRange<std::uint8_t>(0, 10)};
    plan.split_at_bands = *rc::gen::arbitrary<bool>();
    plan.features =
        *rc::gen::element("", R"({"a":true})", R"({"a":[1,-2.5,"x\"y"],"b":{"c":null}})");
    plan.billing_interval = *rc::gen::element("monthly", "none");
    plan.display_order = *rc::gen::inRange(-5, 5);
    int const bands = *rc::gen::inRange(0, 4);
    for (int i = 0; i < bands; ++i) {
        plan.bands.push_back(random_band(i));
    }
    std::set<std::tuple<ingest::call_direction, bool, std::string, rating::band_index>> keys;
    int const rates = *rc::gen::inRange(0, 12);
    for (int i = 0; i < rates; ++i) {
        auto one = random_rate(plan.bands.size());
        if (keys.emplace(one.direction, one.is_on_net, one.prefix, one.band).second) {
            plan.rates.push_back(std::move(one));
        }
    }
    int const metrics = *rc::gen::inRange(0, 4);
    for (int i = 0; i < metrics; ++i) {
        plan.metrics.push_back(random_metric(i));
    }
    rating::put_in_order(plan);
    return plan;
}

} // namespace tally::tests
