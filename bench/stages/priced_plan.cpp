#include "bench/stages/priced_plan.hpp"

#include <utility>

namespace tally::bench {
namespace {

constexpr std::int32_t hour_s = 3600;
constexpr std::int64_t cent = 10'000'000; // nanos

rating::band band_of(std::string name, std::int32_t from_s, std::int32_t to_s, std::int32_t weight,
                     std::uint8_t days) {
    rating::band made;
    made.name = std::move(name);
    made.days = days;
    made.from_s = from_s;
    made.to_s = to_s;
    made.weight = weight;
    return made;
}

std::vector<rating::band> bands_of(plan_kind kind) {
    constexpr std::uint8_t weekdays = 0b0011111;
    std::vector<rating::band> bands{band_of("peak", 8 * hour_s, 19 * hour_s, 10, weekdays)};
    if (kind == plan_kind::all) {
        bands.push_back(band_of("night", 22 * hour_s, 6 * hour_s, 5, 0));
        bands.push_back(band_of("holiday", 0, rating::band::day_s, 20, 0));
        for (rating::civil_day day = 20'454; day < 20'820;
             day += 30) { // 2026, the first on a call's
            bands.back().dates.push_back(day);
        }
    }
    return bands;
}

std::vector<rating::rate_step> steps_of(plan_kind kind, rating::amount price) {
    if (kind == plan_kind::flat) {
        return {{0, 60, 1, price}};
    }
    return {{0, 60, 60, price}, {60, 60, 6, price}, {600, 60, 60, {price.nanos / 2}}};
}

/// One rate of a deck as rates of the plan: one, or one for each band and one without a band.
void add_rates(plan_kind kind, rating::rate rate, rating::tariff::content& out) {
    rate.connect_fee = {};
    rate.steps = steps_of(kind, rate.steps.front().price);
    rate.allowance = kind == plan_kind::allowance || (kind == plan_kind::all && rate.allowance);

    if (kind == plan_kind::all) {
        rate.connect_fee = {5 * cent};
        rate.minimum = {10 * cent};
        rate.maximum = {500 * cent};
        rate.grace_s = 3;
    }

    // Each band has a price of its own, so that the check finds a rate of the wrong band.
    out.rates.push_back(rate);
    for (rating::band_index band = 0; band < out.bands.size(); ++band) {
        rate.band = band;
        for (auto& step : rate.steps) {
            step.price.nanos += cent / 10 * (band + 1);
        }
        out.rates.push_back(rate);
    }
}

bool is_fallbacks(rating::rate const& rate) {
    return rate.prefix.starts_with('4') || rate.prefix.starts_with('3');
}

} // namespace

rating::tariff::content content_of(plan_kind kind, std::uint32_t prefixes) {
    auto const& sample = data_with_prefixes(prefixes).sample;
    rating::tariff::content made;
    made.head.code = "bench";
    made.head.time_zone = sample_catalog::time_zone;
    made.head.rounding_mode = sample_catalog::rounds;
    made.head.included_s = 6'000;
    if (kind == plan_kind::banded || kind == plan_kind::all) {
        made.bands = bands_of(kind);
    }

    // With all features a part of the prefixes is only in the fallback plan.
    rating::tariff::content fallback = made;
    for (auto const& rate : sample.plans.front().rates) {
        add_rates(kind, rate, kind == plan_kind::all && is_fallbacks(rate) ? fallback : made);
    }

    if (kind == plan_kind::all) {
        rating::rate on_net = made.rates.front();
        on_net.prefix = "91";
        on_net.direction = ingest::call_direction::outbound;
        on_net.is_on_net = true;
        made.rates.push_back(on_net);
        made.fallback = std::make_shared<rating::tariff const>(std::move(fallback));
    }
    return made;
}

priced_plan make_priced_plan(plan_kind kind, std::uint32_t prefixes) {
    auto const& data = data_with_prefixes(prefixes);
    priced_plan made;
    made.plan = std::make_shared<rating::tariff const>(content_of(kind, prefixes));
    made.subscribers = static_cast<std::uint32_t>(data.catalog->subscriptions());
    for (std::size_t i = 0; i < data.calls.size(); ++i) {
        auto const& call = data.decoded.cdrs[i];
        if (call.answer != ingest::never_us && call.billable_ms > 0 &&
            call.direction == ingest::call_direction::outbound) {
            made.calls.push_back({call, data.guided[i].subscription, i % 20 == 0});
        }
    }
    return made;
}

} // namespace tally::bench
