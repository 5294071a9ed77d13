#include "rating/plan/rules.hpp"

#include "rating/money/exact_cost.hpp"
#include "rating/plan/values.hpp"

#include <algorithm>
#include <numeric>

namespace tally::rating {

namespace {

// 100 percent, in 10^-9.
constexpr amount percent_max{100'000'000'000};

std::optional<std::string> fault_of_steps(std::vector<rate_step> const& steps) {
    if (steps.empty()) {
        return "it has no steps";
    }
    if (steps.front().from_s != 0) {
        return "its first step must have from_s = 0";
    }

    std::uint64_t denominator = 1;
    for (std::size_t i = 0; i < steps.size(); ++i) {
        rate_step const& step = steps[i];
        if (step.unit_s == 0 || step.increment_s == 0) {
            return "unit_s and increment_s of its steps must be at least 1";
        }

        // A step ends where the next one begins.
        if (i > 0 && step.from_s <= steps[i - 1].from_s) {
            return "its steps must be in the order of from_s: " + std::to_string(step.from_s) +
                   " follows " + std::to_string(steps[i - 1].from_s);
        }

        // The sum of a call is kept over the common multiple of the units, so there must be one.
        auto const common = common_denominator(denominator, step.unit_s);
        if (!common) {
            return "the unit_s of its steps have no common multiple below 2^62";
        }
        denominator = *common;
    }
    return std::nullopt;
}

bool has_tiers(price_model model) noexcept {
    return model == price_model::graduated || model == price_model::volume;
}

std::optional<std::string> fault_of_tiers(std::vector<price_tier> const& tiers) {
    // The tiers must cover every quantity once: ascending, and only the last without an end.
    for (std::size_t i = 0; i < tiers.size(); ++i) {
        bool const is_last = i + 1 == tiers.size();
        if (is_last && tiers[i].up_to) {
            return "its last tier must not have up_to: it has no end";
        }
        if (!is_last && !tiers[i].up_to) {
            return "only its last tier may be without up_to";
        }
        if (!is_last && i > 0 && *tiers[i].up_to <= *tiers[i - 1].up_to) {
            return "its tiers must ascend: up_to " + to_string(*tiers[i].up_to) + " follows " +
                   to_string(*tiers[i - 1].up_to);
        }
    }

    // A first tier that ends at 0 would never charge anything.
    return tiers.empty() || !tiers.front().up_to || tiers.front().up_to->nanos > 0
               ? std::nullopt
               : std::optional<std::string>{"up_to of a tier must be above 0"};
}

} // namespace

std::optional<band_index> band_named(plan_definition const& plan, std::string_view name) noexcept {
    if (name.empty() || name == "any") {
        return any_band;
    }
    auto const found = std::ranges::find(plan.bands, name, &band::name);
    if (found == plan.bands.end()) {
        return std::nullopt;
    }
    return static_cast<band_index>(found - plan.bands.begin());
}

std::string unknown_band(plan_definition const& plan, std::string_view name) {
    std::vector<std::string_view> names;
    for (auto const& each : plan.bands) {
        names.push_back(each.name);
    }
    std::string text = "there is no [[band]] \"" + std::string{name} + "\"";
    if (auto const meant = nearest_of(name, names); !meant.empty()) {
        text.append("; did you mean \"").append(meant).append("\"?");
    }
    return text;
}

std::optional<std::string> fault_of(rate const& one) {
    if (one.maximum < one.minimum) {
        return "its maximum " + to_string(one.maximum) + " is below its minimum " +
               to_string(one.minimum);
    }
    if (one.effective_to <= one.effective_from) {
        return "its effective_to must be after its effective_from";
    }
    return fault_of_steps(one.steps);
}

void check_rates_together(plan_definition const& plan, std::span<plan_location const> locations,
                          plan_problems& problems) {
    // Sorted by key and begin, versions of one rate are adjacent.
    auto const& rates = plan.rates;
    std::vector<std::uint32_t> order(rates.size());
    std::iota(order.begin(), order.end(), 0U);
    std::ranges::stable_sort(order, [&](std::uint32_t a, std::uint32_t b) {
        return std::tuple{key_of(rates[a]), rates[a].effective_from} <
               std::tuple{key_of(rates[b]), rates[b].effective_from};
    });

    for (std::size_t i = 1; i < order.size(); ++i) {
        rate const& older = rates[order[i - 1]];
        rate const& newer = rates[order[i]];
        if (key_of(older) != key_of(newer)) {
            continue;
        }

        plan_location const location = locations[order[i]];
        std::string const before = problems.text_of(locations[order[i - 1]], location);
        if (older.effective_from == newer.effective_from) {
            problems.add(location, "the same rate as " + before + ": prefix \"" + newer.prefix +
                                       "\" with this direction, band and effective_from");
        } else if (older.effective_to != INT64_MAX && older.effective_to > newer.effective_from) {
            problems.add(location, "it begins before the rate at " + before + " of prefix \"" +
                                       newer.prefix + "\" ends by its effective_to");
        }
    }
}

std::optional<std::string> fault_of(metric_price const& one) {
    if (one.maximum < one.minimum) {
        return "its maximum " + to_string(one.maximum) + " is below its minimum " +
               to_string(one.minimum);
    }
    if (one.effective_to <= one.effective_from) {
        return "its effective_to must be after its effective_from";
    }
    if (one.percent.nanos > percent_max.nanos) {
        return "its percent is above 100";
    }

    // Each model needs its own keys, and refuses those that it would ignore.
    if (has_tiers(one.model) == one.tiers.empty()) {
        return one.tiers.empty() ? "the models graduated and volume need tiers"
                                 : "only the models graduated and volume have tiers";
    }
    if (one.model == price_model::package && one.package.nanos <= 0) {
        return "the model package needs package: the units in one, above 0";
    }
    if ((one.method == aggregation::unique) == one.unique_property.empty()) {
        return "aggregation unique, and only it, needs unique_property";
    }
    return fault_of_tiers(one.tiers);
}

void put_in_order(plan_definition& plan) {
    // The order of key and begin is the one in which exported plans are compared.
    std::ranges::stable_sort(plan.rates, [](rate const& a, rate const& b) {
        return std::tuple{key_of(a), a.effective_from} < std::tuple{key_of(b), b.effective_from};
    });
    std::ranges::stable_sort(plan.metrics, [](metric_price const& a, metric_price const& b) {
        return std::tie(a.name, a.effective_from) < std::tie(b.name, b.effective_from);
    });
}

} // namespace tally::rating
