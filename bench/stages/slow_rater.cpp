#include "bench/stages/slow_rater.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>
#include <vector>

namespace tally::bench {
namespace {

/// The rates of the longest prefix, in all bands.
std::vector<rating::rate const*> longest_match(ingest::cdr const& call, rating::tariff const& plan,
                                               bool on_net) {
    std::string_view const digits = call.destination.substr(1); // without the plus
    std::vector<rating::rate const*> best;
    for (auto const& rate : plan.rates()) {
        if (rate.direction != call.direction || rate.is_on_net != on_net ||
            !digits.starts_with(rate.prefix)) {
            continue;
        }
        if (!best.empty() && best.front()->prefix.size() < rate.prefix.size()) {
            best.clear();
        }
        if (best.empty() || best.front()->prefix.size() == rate.prefix.size()) {
            best.push_back(&rate);
        }
    }
    return best;
}

bool covers(rating::band const& band, ingest::time_us moment) {
    constexpr std::int64_t india_s = 19'800;
    std::int64_t const local_s = moment / ingest::us_per_s + india_s;
    std::int64_t const second = local_s % rating::band::day_s;
    std::int64_t const day = local_s / rating::band::day_s;
    auto const is_on = [&band](std::int64_t on_day) {
        auto const& dates = band.dates;
        return (band.days >> ((on_day + 3) % 7) & 1) != 0 || // 1970-01-01 was a Thursday
               std::find(dates.begin(), dates.end(), on_day) != dates.end() ||
               (band.days == 0 && dates.empty());
    };
    if (band.from_s < band.to_s) {
        return band.from_s <= second && second < band.to_s && is_on(day);
    }
    return (band.from_s <= second && is_on(day)) || (second < band.to_s && is_on(day - 1));
}

rating::rate const* holding(rating::tariff const& plan,
                            std::vector<rating::rate const*> const& rates, ingest::time_us moment) {
    auto const weight_of = [&plan](rating::rate const& r) {
        return r.band == rating::any_band ? INT64_MIN : plan.bands()[r.band].weight;
    };
    rating::rate const* best = nullptr;
    for (auto const* const r : rates) {
        if ((r->band == rating::any_band || covers(plan.bands()[r->band], moment)) &&
            (best == nullptr || weight_of(*r) > weight_of(*best))) {
            best = r;
        }
    }
    return best;
}

rating::rate_step const& step_at(rating::rate const& rate, std::int64_t second) {
    auto const* found = &rate.steps.front();
    for (auto const& step : rate.steps) {
        if (step.from_s <= second) {
            found = &step;
        }
    }
    return *found;
}

struct found_rates {
    rating::tariff const* plan = nullptr;
    std::vector<rating::rate const*> rates;
};

found_rates rates_of(ingest::cdr const& call, rating::tariff const& plan, bool on_net) {
    for (auto const* asked = &plan; asked != nullptr; asked = asked->fallback()) {
        for (bool const of_on_net : {true, false}) {
            if (of_on_net && !on_net) {
                continue;
            }
            auto rates = longest_match(call, *asked, of_on_net);
            if (holding(*asked, rates, call.answer) != nullptr) {
                return {asked, std::move(rates)};
            }
        }
    }
    throw std::runtime_error{"no rate matches " + std::string{call.destination}};
}

} // namespace

rating::amount slow_cost(ingest::cdr const& call, rating::tariff const& plan, bool on_net,
                         rating::allowance& left) {
    constexpr std::int64_t unit_s = 60;
    constexpr std::int64_t ten_thousandth = 100'000;
    std::int64_t const call_s = (call.billable_ms + 999) / 1000;
    auto const found = rates_of(call, plan, on_net);
    auto const& first = *holding(*found.plan, found.rates, call.answer);
    if (call_s <= first.grace_s) {
        return {};
    }

    // All units are 60 s, so a sum in sixtieths of a nano is exact.
    std::int64_t sixtieths = 0;
    bool is_charged = false;
    for (std::int64_t second = 0; second < call_s;) {
        auto const& rate =
            *holding(*found.plan, found.rates, call.answer + second * ingest::us_per_s);
        auto const& step = step_at(rate, second);
        if (rate.allowance && left.used_s + step.increment_s <= left.included_s) {
            left.used_s += step.increment_s;
        } else {
            sixtieths += step.increment_s * step.price.nanos;
            is_charged = true;
        }
        second += step.increment_s;
    }

    if (is_charged) {
        sixtieths += first.connect_fee.nanos * unit_s;
        sixtieths = std::max(sixtieths, first.minimum.nanos * unit_s);
        sixtieths = std::min(sixtieths, std::min(first.maximum.nanos, INT64_MAX / unit_s) * unit_s);
    }

    constexpr std::int64_t step_of_rounding = unit_s * ten_thousandth;
    return {(2 * sixtieths + step_of_rounding) / (2 * step_of_rounding) * ten_thousandth};
}

} // namespace tally::bench
