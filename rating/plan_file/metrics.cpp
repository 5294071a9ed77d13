#include "rating/plan_file/metrics.hpp"

#include "rating/plan/rules.hpp"

// [[metric]]: the price of a metric's usage.

namespace tally::rating {

namespace {

constexpr std::array<std::string_view, 14> metric_keys{
    "name",    "unit",    "aggregation",    "unique_property", "included",
    "model",   "price",   "tiers",          "package",         "percent",
    "minimum", "maximum", "effective_from", "effective_to"};
constexpr std::array<std::string_view, 3> tier_keys{"up_to", "price", "flat"};

/// Refuses keys that the model ignores: the author of the file would expect them to have an effect.
void refuse_unused(plan_table& table, price_model model) {
    struct use {
        std::string_view key;
        std::vector<price_model> models;
    };
    static std::vector<use> const uses{{"price", {price_model::per_unit, price_model::package}},
                                       {"package", {price_model::package}},
                                       {"percent", {price_model::percentage}},
                                       {"tiers", {price_model::graduated, price_model::volume}}};

    // The other way round, a key that the model needs must be there.
    for (auto const& [key, models] : uses) {
        bool const is_used = std::ranges::find(models, model) != models.end();
        if (!is_used && table.has(key)) {
            table.problem(key, "has no effect with the model " +
                                   std::string{name_of(model_names, model)});
        } else if (is_used) {
            table.require(key);
        }
    }
}

price_tier read_tier(plan_table& table) {
    price_tier tier;
    // Only the last tier may be without up_to; fault_of() sees all of them and checks it.
    tier.up_to = table.units("up_to");
    table.require("price");
    tier.price = table.money("price").value_or(amount{});
    tier.flat = table.money("flat").value_or(amount{});
    return tier;
}

metric_price read_metric(plan_table& table, plan_reader_state& state) {
    metric_price one;
    one.name = table.text("name");
    if (table.require("name") && one.name.empty()) {
        table.problem("name", "must not be empty");
    }

    // What is counted, and how much of it is free in each period.
    one.unit = table.text("unit");
    one.method = table.choice("aggregation", aggregation_names, one.method);
    one.unique_property = table.text("unique_property");
    one.included = table.units("included").value_or(quantity{});

    // The model says which of the following keys have a meaning.
    one.model = table.choice("model", model_names, one.model);
    refuse_unused(table, one.model);
    one.price = table.money("price").value_or(amount{});
    one.package = table.units("package").value_or(quantity{});
    one.percent = table.money("percent").value_or(amount{});

    // Bounds of a period's price, and the time in which the price holds; absent ones do not bound.
    one.minimum = table.money("minimum").value_or(amount{});
    one.maximum = table.money("maximum").value_or(amount{INT64_MAX});
    one.effective_from = table.moment("effective_from", *state.zone).value_or(INT64_MIN);
    one.effective_to = table.moment("effective_to", *state.zone).value_or(INT64_MAX);

    for (auto const* tier : table.tables("tiers")) {
        plan_table tier_table{*tier, "a tier", tier_keys, state.problems, state.file};
        one.tiers.push_back(read_tier(tier_table));
    }
    return one;
}

/// Adds a problem for two versions of one metric with the same begin, and for a version that begins
/// before an older one has reached its own effective_to.
void check_together(std::vector<plan_location> const& locations, plan_reader_state& state) {
    // Pair by pair: a plan has few metrics, and each problem names both locations.
    auto const& metrics = state.plan.metrics;
    for (std::size_t i = 0; i < metrics.size(); ++i) {
        for (std::size_t j = 0; j < i; ++j) {
            if (metrics[i].name != metrics[j].name) {
                continue;
            }

            std::string const before = state.problems.text_of(locations[j], locations[i]);
            auto const& older =
                metrics[i].effective_from < metrics[j].effective_from ? metrics[i] : metrics[j];
            auto const begins = std::max(metrics[i].effective_from, metrics[j].effective_from);
            if (metrics[i].effective_from == metrics[j].effective_from) {
                state.problems.add(locations[i], "the same metric as " + before + ": \"" +
                                                     metrics[i].name +
                                                     "\" from the same moment on");
            } else if (older.effective_to != INT64_MAX && older.effective_to > begins) {
                state.problems.add(locations[i], "it holds at the same time as the metric at " +
                                                     before + " by an effective_to");
            }
        }
    }
}

} // namespace

void read_plan_metrics(toml::array const& metrics, plan_reader_state& state) {
    std::vector<plan_location> locations;
    for (auto const& node : metrics) {
        plan_table table{*node.as_table(), "a [[metric]]", metric_keys, state.problems, state.file};
        std::size_t const before = state.problems.count();
        metric_price one = read_metric(table, state);

        // A metric with a problem is not checked further: the checks would report it again.
        if (state.problems.count() == before) {
            if (auto const fault = fault_of(one)) {
                state.problems.add(table.location(), *fault);
                continue;
            }
            state.plan.metrics.push_back(std::move(one));
            locations.push_back(table.location());
        }
    }
    check_together(locations, state);
}

} // namespace tally::rating
