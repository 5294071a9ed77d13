#include "tests/rating/rater/reference_rater.hpp"

#include <algorithm>
#include <chrono>
#include <date/tz.h>

namespace tally::rating::tests {

namespace {

using ingest::time_us;

rate_step const& step_at(rate const& rate, std::int64_t second) {
    rate_step const* found = nullptr;
    for (rate_step const& step : rate.steps) {
        if (step.from_s <= second) {
            found = &step;
        }
    }
    return *found;
}

bool is_on(band const& one, date::local_days day) {
    if (one.days == 0 && one.dates.empty()) {
        return true;
    }
    auto const weekday = date::weekday{day}.iso_encoding(); // 1: Monday
    auto const date = day.time_since_epoch().count();
    return (one.days >> (weekday - 1) & 1U) != 0 ||
           std::find(one.dates.begin(), one.dates.end(), date) != one.dates.end();
}

/// Rates of the longest prefix, of one direction and reach, that are in effect when the call is
/// answered.
std::vector<rate const*> rates_for(tariff::content const& plan, reference_call const& call,
                                   bool on_net) {
    std::vector<rate const*> longest;
    for (rate const& r : plan.rates) {
        if (r.direction != call.direction || r.is_on_net != on_net ||
            !call.digits.starts_with(r.prefix) || call.answer < r.effective_from ||
            call.answer >= r.effective_to) {
            continue;
        }
        if (!longest.empty() && longest.front()->prefix.size() < r.prefix.size()) {
            longest.clear();
        }
        if (longest.empty() || longest.front()->prefix.size() == r.prefix.size()) {
            longest.push_back(&r);
        }
    }
    return longest;
}

/// Whether `a` applies rather than `b`, when both cover the moment.
bool goes_before(tariff::content const& plan, rate const& a, rate const& b) {
    if (a.band == b.band) {
        return a.effective_from > b.effective_from;
    }
    if (a.band == any_band || b.band == any_band) {
        return b.band == any_band;
    }
    auto const weight_a = plan.bands[a.band].weight;
    auto const weight_b = plan.bands[b.band].weight;
    return weight_a != weight_b ? weight_a > weight_b : a.band < b.band;
}

rate const* holding(tariff::content const& plan, std::vector<rate const*> const& of_prefix,
                    time_us moment) {
    rate const* best = nullptr;
    for (rate const* const r : of_prefix) {
        bool const covers = r->band == any_band ||
                            reference_covers(plan.bands[r->band], plan.head.time_zone, moment);
        if (covers && (best == nullptr || goes_before(plan, *r, *best))) {
            best = r;
        }
    }
    return best;
}

struct answer_to_call {
    tariff::content const* plan = nullptr;
    std::vector<rate const*> of_prefix;
    rate const* charged_rate = nullptr;
};

answer_to_call find_rate(plan_chain const& plans, reference_call const& call) {
    for (std::size_t i = 0; i < plans.size() && i < 4; ++i) {
        for (bool const on_net : {true, false}) {
            if (on_net && !call.on_net) {
                continue;
            }
            auto of_prefix = rates_for(plans[i], call, on_net);
            if (rate const* const charged_rate = holding(plans[i], of_prefix, call.answer)) {
                return {&plans[i], std::move(of_prefix), charged_rate};
            }
        }
    }
    return {};
}

} // namespace

bool reference_covers(band const& one, std::string const& zone_name, time_us moment) {
    auto const local = date::locate_zone(zone_name)->to_local(
        date::sys_time<std::chrono::microseconds>{std::chrono::microseconds{moment}});
    auto const today = date::floor<date::days>(local);
    auto const second = std::chrono::floor<std::chrono::seconds>(local - today).count();
    if (one.from_s < one.to_s) {
        return is_on(one, today) && one.from_s <= second && second < one.to_s;
    }
    bool const began_today = is_on(one, today) && one.from_s <= second;
    bool const began_yesterday = is_on(one, today - date::days{1}) && second < one.to_s;
    return began_today || began_yesterday;
}

fraction reference_bounded(fraction sum, rate const& rate) {
    if (rate.minimum.nanos != 0 && sum < rate.minimum.nanos) {
        sum = rate.minimum.nanos;
    }
    if (rate.maximum.nanos != INT64_MAX && sum > rate.maximum.nanos) {
        sum = rate.maximum.nanos;
    }
    return sum;
}

integer reference_round(fraction const& nanos, rounding rounding) {
    integer grid = 1;
    for (int index = rounding.decimals; index < 9; ++index) {
        grid *= 10;
    }
    bool const negative = nanos < 0;
    fraction const scaled = (negative ? fraction(-nanos) : nanos) / fraction(grid);
    integer lower = numerator(scaled) / denominator(scaled);
    fraction const over = scaled - fraction(lower);
    fraction const half(1, 2);
    bool const up = rounding.mode == rounding_mode::up        ? over > 0
                    : rounding.mode == rounding_mode::down    ? false
                    : rounding.mode == rounding_mode::half_up ? over >= half
                    : over == half                            ? lower % 2 != 0
                                                              : over > half;
    lower += up ? 1 : 0;
    return negative ? integer(-lower * grid) : integer(lower * grid);
}

std::optional<amount> reference_amount(integer const& nanos) {
    if (nanos > INT64_MAX || nanos < INT64_MIN) {
        return std::nullopt;
    }
    return amount{static_cast<std::int64_t>(nanos)};
}

reference_result reference_rate(plan_chain const& plans, reference_call const& call,
                                std::int64_t allowance_left_s) {
    auto const found = find_rate(plans, call);
    reference_result result;
    result.cost = amount{0};
    result.charged_rate = found.charged_rate;
    if (found.charged_rate == nullptr || call.call_s <= found.charged_rate->grace_s) {
        return result;
    }
    fraction sum = 0;
    while (result.billed_s < call.call_s) {
        rate const* rate = found.charged_rate;
        if (found.plan->head.split_at_bands) {
            rate = holding(*found.plan, found.of_prefix,
                           call.answer + result.billed_s * ingest::us_per_s);
        }
        if (rate == nullptr) {
            return {};
        }
        rate_step const& step = step_at(*rate, result.billed_s);
        if (rate->allowance && allowance_left_s >= step.increment_s) {
            allowance_left_s -= step.increment_s;
            result.allowance_s += step.increment_s;
        } else {
            result.pays_connect_fee = true;
            sum += fraction(integer(step.price.nanos) * step.increment_s, integer(step.unit_s));
        }
        result.billed_s += step.increment_s;
    }
    if (result.pays_connect_fee) {
        sum = reference_bounded(sum + found.charged_rate->connect_fee.nanos, *found.charged_rate);
        result.cost = reference_amount(reference_round(sum, plans.front().head.rounding_mode));
    }
    return result;
}

reference_result reference_rate(rate const& rate, std::int64_t call_s,
                                std::int64_t allowance_left_s, rounding rounding) {
    plan_chain plans(1);
    plans[0].head.rounding_mode = rounding;
    plans[0].rates = {rate};
    reference_call call;
    call.digits = rate.prefix;
    call.direction = rate.direction;
    call.answer = rate.effective_from;
    call.call_s = call_s;
    call.on_net = rate.is_on_net;
    auto result = reference_rate(plans, call, allowance_left_s);
    result.charged_rate = nullptr; // it is gone with the plan
    return result;
}

} // namespace tally::rating::tests
