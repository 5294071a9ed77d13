#include "rating/plan_file/bands.hpp"

#include <map>
#include <sstream>

// [[band]]: the wall-clock windows of a plan.

namespace tally::rating {

namespace {

constexpr std::array<std::string_view, 6> band_keys{"name", "days",  "from",
                                                    "to",   "dates", "weight"};

/// Far more than any plan needs. The database stores their positions in 16 bits.
constexpr std::size_t bands_max = 1000;

/// The texts of a list, each with its node, which has the position for a problem.
std::vector<std::pair<std::string, toml::node const*>> texts_of(plan_table& table,
                                                                std::string_view key) {
    std::vector<std::pair<std::string, toml::node const*>> found;
    auto const* const node = table.node(key);
    auto const* const list = node == nullptr ? nullptr : node->as_array();
    if (node != nullptr && list == nullptr) {
        table.problem(key, "must be a list: [ \"...\", \"...\" ]");
    }

    // TOML has dates of its own, so they need no quotes; they become text, and one reader serves
    // both.
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        auto const& each = (*list)[i];
        if (auto const* date = each.as_date()) {
            std::ostringstream text;
            text << date->get();
            found.emplace_back(std::move(text).str(), &each);
        } else if (auto text = each.value_exact<std::string>()) {
            found.emplace_back(std::move(*text), &each);
        } else {
            table.problem_at(each, std::string{key} + ": must be text in quotes");
        }
    }
    return found;
}

void read_days(plan_table& table, band& one) {
    for (auto const& [name, node] : texts_of(table, "days")) {
        auto const found = std::ranges::find(day_names, std::string_view{name});
        if (found == day_names.end()) {
            table.problem_at(*node, "days: \"" + name + "\" is not " + listed(day_names));
        } else {
            one.days = static_cast<std::uint8_t>(one.days | 1U << (found - day_names.begin()));
        }
    }
}

void read_dates(plan_table& table, band& one) {
    for (auto const& [text, node] : texts_of(table, "dates")) {
        if (auto const day = parse_date(text)) {
            one.dates.push_back(*day);
        } else {
            table.problem_at(*node, "dates: \"" + text + "\" is not a date such as \"2026-01-26\"");
        }
    }

    // The clock searches the dates, so they ascend; a date that is given twice counts once.
    std::ranges::sort(one.dates);
    one.dates.erase(std::unique(one.dates.begin(), one.dates.end()), one.dates.end());
}

band read_band(plan_table& table) {
    band one;
    one.name = table.text("name");
    if (table.require("name") && one.name.empty()) {
        table.problem("name", "must not be empty");
    } else if (one.name == "any") {
        table.problem("name", "\"any\" is the band of rates that name none: choose another name");
    }

    // Any of these may be missing: the band then applies on every day, at every hour.
    read_days(table, one);
    read_dates(table, one);

    one.from_s = table.clock("from").value_or(0);
    one.to_s = table.clock("to").value_or(band::day_s);
    if (one.from_s == band::day_s) {
        table.problem("from", "a band cannot begin at the end of a day: write \"00:00\"");
    }
    one.weight = static_cast<std::int32_t>(table.whole("weight", 0, INT32_MIN, INT32_MAX));
    return one;
}

} // namespace

void read_plan_bands(toml::array const& bands, plan_reader_state& state) {
    if (bands.size() > bands_max) {
        auto const& position = bands[bands_max].source().begin;
        state.problems.add({state.file, position.line, position.column},
                           "a plan has at most " + std::to_string(bands_max) + " bands");
        return;
    }

    // A rate names its band, so two bands must not have the same name.
    std::map<std::string, plan_location, std::less<>> locations;
    for (auto const& node : bands) {
        plan_table table{*node.as_table(), "a [[band]]", band_keys, state.problems, state.file};
        band one = read_band(table);
        auto const [before, is_new] = locations.try_emplace(one.name, table.location());
        if (!is_new && !one.name.empty()) {
            table.problem("name", "there is already a band \"" + one.name + "\", at " +
                                      state.problems.text_of(before->second, table.location()));
        }
        state.plan.bands.push_back(std::move(one));
    }
}

} // namespace tally::rating
