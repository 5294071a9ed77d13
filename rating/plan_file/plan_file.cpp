#include "rating/plan_file/plan_file.hpp"

#include "rating/plan/rules.hpp"
#include "rating/plan_file/bands.hpp"
#include "rating/plan_file/deck.hpp"
#include "rating/plan_file/head.hpp"
#include "rating/plan_file/metrics.hpp"
#include "rating/plan_file/plan_toml.hpp"
#include "rating/plan_file/rates.hpp"

// Reads the top level of a plan file: the tables it may have, in the order of their dependencies.

namespace tally::rating {

namespace {

constexpr std::array<std::string_view, 5> root_keys{"plan", "band", "rate", "deck", "metric"};
constexpr std::array<std::string_view, 1> deck_keys{"file"};

/// The tables [[name]] of the file. Empty, with a problem, when the key is something else.
toml::array const& tables_named(plan_table& root, std::string_view name) {
    static toml::array const none;
    auto const* const node = root.node(name);
    if (node == nullptr) {
        return none;
    }
    auto const* const list = node->as_array();
    bool const is_tables =
        list != nullptr && std::all_of(list->begin(), list->end(),
                                       [](toml::node const& each) { return each.is_table(); });
    if (!is_tables) {
        root.problem(name, "must be written [[" + std::string{name} + "]]");
        return none;
    }
    return *list;
}

void read_decks(toml::array const& decks, deck_source const& texts, plan_reader_state& state) {
    for (auto const& node : decks) {
        plan_table table{*node.as_table(), "a [[deck]]", deck_keys, state.problems, state.file};
        std::string const name = table.text("file");
        if (!table.require("file")) {
            continue;
        }
        if (auto const text = texts(name)) {
            read_deck(*text, name, state);
        } else {
            table.problem("file", "\"" + name +
                                      "\" cannot be read; it is looked for beside the "
                                      "plan file");
        }
    }
}

void read_root(toml::table const& table, deck_source const& texts, plan_reader_state& state) {
    plan_table root{table, "a plan file", root_keys, state.problems, state.file};

    // Rates and metrics need the zone for their dates. With a wrong zone, read on with UTC, so that
    // problems in the rest of the file are reported too.
    read_plan_head(table, state);
    if (!state.zone) {
        state.zone.emplace("UTC");
    }

    // Rates refer to bands by name, so the bands come first.
    read_plan_bands(tables_named(root, "band"), state);
    read_plan_rates(tables_named(root, "rate"), state);
    read_decks(tables_named(root, "deck"), texts, state);
    check_rates_together(state.plan, state.rate_locations, state.problems);
    read_plan_metrics(tables_named(root, "metric"), state);
}

} // namespace

plan_reading read_plan(std::string_view text, std::string_view file_name,
                       deck_source const& decks) {
    plan_reader_state state;
    state.file = state.problems.add_file(file_name);
    try {
        toml::table const root = toml::parse(text, file_name);
        read_root(root, decks, state);
        // Text that is no TOML has one problem: toml++ stops at the first.
    } catch (toml::parse_error const& error) {
        auto const& position = error.source().begin;
        state.problems.add({state.file, position.line, position.column},
                           std::string{error.description()});
    }

    // All or nothing: a plan with a problem charges nothing, not even by its good rates.
    plan_reading reading;
    if (state.problems.empty()) {
        put_in_order(state.plan);
        reading.plan = std::move(state.plan);
    } else {
        reading.problems = state.problems.take();
    }
    return reading;
}

} // namespace tally::rating
