#include "rating/plan_file/rates.hpp"

#include "rating/plan/rules.hpp"

// [[rate]]: the price of one prefix.

namespace tally::rating {

namespace {

constexpr std::array<std::string_view, 14> rate_keys{
    "prefix",  "name",    "direction", "band",   "call_type", "connect_fee",    "minimum",
    "maximum", "grace_s", "allowance", "on_net", "steps",     "effective_from", "effective_to"};
constexpr std::array<std::string_view, 4> step_keys{"from_s", "price", "unit_s", "increment_s"};

void read_prefix(plan_table& table, rate& one) {
    std::string const text = table.text("prefix");
    auto const prefix = parse_prefix(text);
    if (table.require("prefix") && !prefix) {
        table.problem("prefix", "\"" + text +
                                    "\" is not a prefix: at most 32 digits, or \"\" for " +
                                    "every number");
    }
    one.prefix = prefix.value_or(std::string_view{});
}

void read_band_name(plan_table& table, plan_definition const& plan, rate& one) {
    std::string const name = table.text("band");
    auto const index = band_named(plan, name);
    if (!index) {
        table.problem("band", unknown_band(plan, name));
    }
    one.band = index.value_or(any_band);
}

/// from_s is optional for the first step, which begins at 0.
rate_step read_step(plan_table& table, bool is_first) {
    rate_step step;
    if (!is_first) {
        table.require("from_s");
    }
    table.require("price");
    step.from_s = static_cast<std::uint32_t>(table.whole("from_s", 0, 0, INT32_MAX));
    step.price = table.money("price", true).value_or(amount{});
    step.unit_s = static_cast<std::uint32_t>(table.whole("unit_s", 60, 1, INT32_MAX));
    step.increment_s = static_cast<std::uint32_t>(table.whole("increment_s", 60, 1, INT32_MAX));
    return step;
}

rate read_rate(plan_table& table, plan_reader_state& state) {
    rate one;
    read_prefix(table, one);
    read_band_name(table, state.plan, one);

    // Absent keys: no fee, no bounds, no grace, in effect always. The store takes name and call
    // type from the destinations.
    one.name = table.text("name");
    one.call_type = table.text("call_type");
    one.direction = table.choice("direction", direction_names, one.direction);
    one.allowance = table.truth("allowance", false);
    one.is_on_net = table.truth("on_net", false);
    one.grace_s = static_cast<std::uint32_t>(table.whole("grace_s", 0, 0, INT32_MAX));
    one.connect_fee = table.money("connect_fee").value_or(amount{});
    one.minimum = table.money("minimum").value_or(amount{});
    one.maximum = table.money("maximum").value_or(amount{INT64_MAX});
    one.effective_from = table.moment("effective_from", *state.zone).value_or(INT64_MIN);
    one.effective_to = table.moment("effective_to", *state.zone).value_or(INT64_MAX);

    // A rate without steps would charge nothing, so they are required.
    table.require("steps");
    for (auto const* step : table.tables("steps")) {
        plan_table step_table{*step, "a step", step_keys, state.problems, state.file};
        one.steps.push_back(read_step(step_table, one.steps.empty()));
    }
    return one;
}

} // namespace

void read_plan_rates(toml::array const& rates, plan_reader_state& state) {
    for (auto const& node : rates) {
        plan_table table{*node.as_table(), "a [[rate]]", rate_keys, state.problems, state.file};
        std::size_t const before = state.problems.count();
        rate one = read_rate(table, state);

        // The checks of the whole rate would report a wrong key again.
        if (state.problems.count() == before) {
            if (auto const fault = fault_of(one)) {
                state.problems.add(table.location(), *fault);
                continue;
            }
            state.plan.rates.push_back(std::move(one));
            state.rate_locations.push_back(table.location());
        }
    }
}

} // namespace tally::rating
