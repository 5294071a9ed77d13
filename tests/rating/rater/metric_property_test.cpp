#include "rating/rater/metric_rater.hpp"
#include "rating/tariff/metric_check.hpp"

#include "tests/rating/rater/reference_rater.hpp"

#include <algorithm>
#include <gtest/gtest.h>
#include <map>
#include <numeric>
#include <random>
#include <rapidcheck/gtest.h>

// Compares the metric rater, on random metrics and events, with F computed tier by tier in exact
// fractions of any size, and with properties of every correct rater.

namespace tally::rating::tests {
namespace {

constexpr int events_max = 30;

// --- the slow, obvious rater -------------------------------------------------------------------

fraction units(quantity q) {
    auto const high = static_cast<std::int64_t>(q.nanos / nanos_per_quantity);
    auto const low = static_cast<std::int64_t>(q.nanos % nanos_per_quantity);
    return fraction(high) + fraction(low, static_cast<std::int64_t>(nanos_per_quantity));
}

fraction units(amount a) {
    return fraction(a.nanos, 1'000'000'000);
}

fraction reference_packages(fraction const& billable, fraction const& size) {
    fraction const exact = billable / size;
    integer whole = numerator(exact) / denominator(exact);
    return fraction(whole) < exact ? fraction(whole + 1) : fraction(whole);
}

fraction reference_tiers(metric_price const& price, fraction const& billable) {
    fraction sum = 0;
    fraction begin = 0;
    for (price_tier const& tier : price.tiers) {
        bool const ends_here = !tier.up_to || billable <= units(*tier.up_to);
        if (price.model == price_model::volume && ends_here) {
            return billable * units(tier.price) + units(tier.flat);
        }
        if (price.model == price_model::graduated && billable > begin) {
            fraction const end = ends_here ? billable : units(*tier.up_to);
            sum += (end - begin) * units(tier.price) + units(tier.flat);
        }
        begin = tier.up_to ? units(*tier.up_to) : begin;
    }
    return sum;
}

/// F in units of the currency, before it is rounded.
fraction reference_exact(metric_price const& metric, fraction const& total) {
    fraction const billable =
        total > units(metric.included) ? total - units(metric.included) : fraction(0);
    fraction price = 0;
    if (billable > 0) {
        price = metric.model == price_model::per_unit ? billable * units(metric.price)
                : metric.model == price_model::package
                    ? reference_packages(billable, units(metric.package)) * units(metric.price)
                : metric.model == price_model::percentage ? billable * units(metric.percent) / 100
                                                          : reference_tiers(metric, billable);
    }
    if (metric.minimum.nanos != 0 && price < units(metric.minimum)) {
        price = units(metric.minimum);
    }
    if (metric.maximum.nanos != INT64_MAX && price > units(metric.maximum)) {
        price = units(metric.maximum);
    }
    return price;
}

std::optional<amount> reference_price(metric_price const& price, rounding rounding,
                                      quantity total) {
    if (total.nanos <= 0) {
        return amount{};
    }
    fraction const nanos = reference_exact(price, units(total)) * 1'000'000'000;
    return reference_amount(reference_round(nanos, rounding));
}

// --- random metrics and events -----------------------------------------------------------------

/// Round values, values with all decimals, and zero.
std::int64_t nanos_between(std::int64_t low, std::int64_t high) {
    constexpr std::int64_t unit = 1'000'000'000;
    auto const round = *rc::gen::inRange<std::int64_t>(low / unit, high / unit + 1);
    auto const any = *rc::gen::inRange<std::int64_t>(low, high);
    return *rc::gen::element(round * unit, round * unit, any, std::int64_t{0});
}

struct value_range {
    std::int64_t price_low;
    std::int64_t price_high;
    std::int64_t quantity_max;
    std::int64_t package_min; ///< very small packages make prices that do not fit
};
constexpr value_range ordinary{0, 5'000'000'000, 40'000'000'000, 1'000'000};
constexpr value_range below_zero{-2'000'000'000, 2'000'000'000, 40'000'000'000, 1'000'000};
constexpr value_range extreme{INT64_MIN + 1, INT64_MAX - 1, INT64_MAX - 1, 1};

std::vector<price_tier> random_tiers(value_range const& input) {
    std::vector<price_tier> tiers;
    quantity up_to;
    int const more = *rc::gen::inRange(0, 5);
    for (int i = 0; i <= more; ++i) {
        price_tier tier;
        up_to.nanos += 1 + std::max<std::int64_t>(0, nanos_between(0, input.quantity_max / 4));
        if (i != more) {
            tier.up_to = up_to;
        }
        tier.price = amount{nanos_between(input.price_low, input.price_high)};
        tier.flat = amount{nanos_between(input.price_low, input.price_high)};
        tiers.push_back(tier);
    }
    return tiers;
}

metric_price random_metric(value_range const& input) {
    metric_price price;
    price.name = "metric";
    price.model =
        *rc::gen::element(price_model::per_unit, price_model::package, price_model::graduated,
                          price_model::volume, price_model::percentage);
    price.included.nanos = nanos_between(0, input.quantity_max);
    price.price = amount{nanos_between(input.price_low, input.price_high)};
    price.percent = amount{nanos_between(input.price_low, input.price_high)};
    if (price.model == price_model::package) {
        price.package.nanos = input.package_min + nanos_between(0, input.quantity_max / 4);
    }
    if (price.model == price_model::graduated || price.model == price_model::volume) {
        price.tiers = random_tiers(input);
    }
    if (*rc::gen::inRange(0, 3) == 0) {
        price.minimum =
            amount{nanos_between(std::max<std::int64_t>(input.price_low, 0), input.price_high)};
    }
    if (*rc::gen::inRange(0, 3) == 0) {
        price.maximum =
            amount{nanos_between(std::max<std::int64_t>(input.price_low, 0), input.price_high)};
        price.maximum = std::max(price.maximum, price.minimum);
    }
    check_metric(price);
    return price;
}

rounding random_rounding() {
    return {*rc::gen::element(rounding_mode::up, rounding_mode::down, rounding_mode::half_up,
                              rounding_mode::half_even),
            *rc::gen::inRange<std::uint8_t>(0, 10)};
}

struct labelled_event {
    usage_event event;
    int label; ///< the value that aggregation::unique counts
};

std::vector<labelled_event> random_events(value_range const& input, std::int64_t quantity_min) {
    std::vector<labelled_event> events(*rc::gen::inRange<std::size_t>(1, events_max));
    for (auto& each : events) {
        each.event.value.nanos = nanos_between(quantity_min, input.quantity_max);
        each.event.time = *rc::gen::inRange<std::int64_t>(0, 5); // some at the same moment
        each.label = *rc::gen::inRange(0, 6);
    }
    return events;
}

struct period_sum {
    amount_sum cost;
    metric_usage usage;
    quantity included;
    quantity billable;
};

/// Rates all events, one after another; nullopt when one does not fit.
std::optional<period_sum> rate_all(metric_price const& price, rounding rounding,
                                   std::vector<labelled_event> const& events) {
    period_sum sum;
    std::map<int, bool> met;
    for (auto each : events) {
        each.event.is_new_value = met.try_emplace(each.label, true).second;
        auto const rated = rate_usage(price, rounding, sum.usage, each.event);
        if (rated.error != ingest::record_error::none) {
            return std::nullopt;
        }
        sum.usage = rated.after;
        sum.cost += rated.cost;
        sum.included.nanos += rated.included.nanos;
        sum.billable.nanos += rated.billable.nanos;
        RC_ASSERT(rated.included_used <= price.included);
        RC_ASSERT(rated.included_used == sum.included);
        RC_ASSERT(sum.included.nanos + sum.billable.nanos == sum.usage.total.nanos);
    }
    return sum;
}

void compare_with_the_reference(value_range const& input) {
    auto const price = random_metric(input);
    auto const rounding = random_rounding();
    for (auto const& each : random_events(input, 0)) {
        auto const got = period_price(price, rounding, each.event.value);
        auto const expected = reference_price(price, rounding, each.event.value);
        RC_ASSERT(got.has_value() == expected.has_value());
        RC_ASSERT(!got || to_string(*got) == to_string(*expected));
    }
}

RC_GTEST_PROP(metric_property, agrees_with_the_slow_rater, ()) {
    compare_with_the_reference(ordinary);
}

RC_GTEST_PROP(metric_property, agrees_with_the_slow_rater_on_prices_below_zero, ()) {
    compare_with_the_reference(below_zero);
}

RC_GTEST_PROP(metric_property, agrees_with_the_slow_rater_at_the_edge_of_what_fits, ()) {
    compare_with_the_reference(extreme);
}

RC_GTEST_PROP(metric_property, events_add_up_to_the_price_of_the_period_in_any_order, ()) {
    auto const input = *rc::gen::element(ordinary, below_zero);
    auto price = random_metric(input);
    price.method = *rc::gen::element(aggregation::sum, aggregation::count, aggregation::max,
                                     aggregation::unique, aggregation::latest);
    auto const rounding = random_rounding();
    // Corrections are among the events.
    auto events = random_events(input, *rc::gen::element<std::int64_t>(0, -5'000'000'000));
    auto const first = rate_all(price, rounding, events);
    std::mt19937_64 shuffler{*rc::gen::arbitrary<std::uint64_t>()};
    std::shuffle(events.begin(), events.end(), shuffler);
    auto const second = rate_all(price, rounding, events);
    RC_ASSERT(first.has_value() && second.has_value());
    RC_ASSERT(first->cost == second->cost);
    RC_ASSERT(first->usage == second->usage || price.method != aggregation::latest);
    RC_ASSERT(first->usage.total == second->usage.total);
    auto const whole = reference_price(price, rounding, first->usage.total);
    RC_ASSERT(first->cost.nanos == whole.value().nanos);
}

RC_GTEST_PROP(metric_property, a_quantity_cut_into_events_costs_the_same, ()) {
    auto const price = random_metric(below_zero);
    auto const rounding = random_rounding();
    auto const pieces = random_events(below_zero, 0);
    quantity total;
    for (auto const& each : pieces) {
        total.nanos += each.event.value.nanos;
    }
    auto const cut = rate_all(price, rounding, pieces);
    auto const whole = rate_usage(price, rounding, {}, {total});
    RC_ASSERT(cut.has_value());
    RC_ASSERT(cut->cost.nanos == whole.cost.nanos);
    RC_ASSERT(cut->included == whole.included);
    RC_ASSERT(cut->billable == whole.billable);
}

RC_GTEST_PROP(metric_property, what_does_not_fit_is_an_error_and_never_a_wrong_number, ()) {
    auto const price = random_metric(extreme);
    auto const rounding = random_rounding();
    auto const events = random_events(extreme, INT64_MIN + 1);
    if (auto const rated = rate_all(price, rounding, events)) {
        auto const whole = reference_price(price, rounding, rated->usage.total);
        RC_ASSERT(whole.has_value());
        RC_ASSERT(rated->cost.nanos == whole->nanos);
    }
}

} // namespace
} // namespace tally::rating::tests
