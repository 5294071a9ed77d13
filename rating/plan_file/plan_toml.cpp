#include "rating/plan_file/plan_toml.hpp"

#include <sstream>

#include <charconv>

namespace tally::rating {

namespace {

/// The shortest text of this float, which is most likely what the author of the file wrote.
std::string shortest(double number) {
    std::array<char, 64> text{};
    auto const end = std::to_chars(text.data(), text.data() + text.size(), number);
    return {text.data(), end.ptr};
}

std::string date_of(toml::date const& date) {
    return date_text(static_cast<civil_day>(std::chrono::sys_days{
        std::chrono::year{date.year} / std::chrono::month{date.month} / std::chrono::day{date.day}}
                                                .time_since_epoch()
                                                .count()));
}

/// The text of a TOML date or time, in the form that a plan file may also have as a string.
std::optional<std::string> time_text(toml::node const& node) {
    if (auto const* date = node.as_date()) {
        return date_of(date->get());
    }

    // Written out and parsed again, so that dates and strings follow one rule.
    if (node.is_date_time()) {
        std::ostringstream text;
        text << node.as_date_time()->get();
        return std::move(text).str();
    }
    return node.value_exact<std::string>();
}

} // namespace

plan_table::plan_table(toml::table const& table, std::string_view text,
                       std::span<std::string_view const> known, plan_problems& problems,
                       std::uint32_t file)
    : table_(table), text_(text), problems_(problems), file_(file) {
    // A mistyped key would otherwise silently have no effect.
    for (auto const& [key, node] : table) {
        if (std::ranges::find(known, key.str()) == known.end()) {
            unknown(key, known);
        }
    }
}

void plan_table::unknown(toml::key const& key, std::span<std::string_view const> known) {
    std::string text = "unknown key \"" + std::string{key.str()} + "\" in " + std::string{text_};

    // A guess helps more than a list, so the list is only for keys that resemble none.
    auto const meant = nearest_of(key.str(), known);
    if (!meant.empty()) {
        text.append("; did you mean ").append(meant).append("?");
    } else {
        text.append("; it may have");
        for (auto const& each : known) {
            text.append(&each == known.data() ? " " : ", ").append(each);
        }
    }
    auto const& position = key.source().begin;
    problems_.add({file_, position.line, position.column}, std::move(text));
}

plan_location plan_table::location_of(toml::node const& node) const {
    auto const& position = node.source().begin;
    return {file_, position.line, position.column};
}

void plan_table::problem_at(toml::node const& location, std::string text) {
    problems_.add(location_of(location), std::move(text));
}

void plan_table::problem(std::string_view key, std::string const& text) {
    // At the value if there is one: an absent key has no position but that of its table.
    auto const* const current = node(key);
    problem_at(current != nullptr ? *current : table_, std::string{key} + ": " + text);
}

bool plan_table::require(std::string_view key) {
    if (!has(key)) {
        problem_at(table_, std::string{text_} + " needs " + std::string{key});
    }
    return has(key);
}

std::string plan_table::text(std::string_view key, std::string fallback, bool many_lines) {
    auto const* const current = node(key);
    if (current == nullptr) {
        return fallback;
    }

    // value_exact() converts nothing: 12 without quotes is a mistake here.
    auto value = current->value_exact<std::string>();
    if (!value) {
        problem(key, "must be text in quotes");
    } else if (!is_plain_text(*value, many_lines)) {
        problem(key, "must not contain control characters");
        value.reset();
    }
    return std::move(value).value_or(std::move(fallback));
}

bool plan_table::truth(std::string_view key, bool fallback) {
    auto const* const current = node(key);
    if (current != nullptr && !current->is_boolean()) {
        problem(key, "must be true or false");
    }
    return current == nullptr ? fallback : current->value_exact<bool>().value_or(fallback);
}

std::int64_t plan_table::whole(std::string_view key, std::int64_t fallback, std::int64_t low,
                               std::int64_t high) {
    auto const* const current = node(key);
    if (current == nullptr) {
        return fallback;
    }
    auto const value = current->value_exact<std::int64_t>();
    if (!value || *value < low || *value > high) {
        problem(key,
                "must be a whole number, " + std::to_string(low) + " to " + std::to_string(high));
        return fallback;
    }
    return *value;
}

std::optional<std::string> plan_table::number_text(std::string_view key) {
    auto const* const current = node(key);
    if (current == nullptr) {
        return std::nullopt;
    }

    // A whole number is exact in TOML, so it needs no quotes.
    if (auto const number = current->value_exact<std::int64_t>()) {
        return std::to_string(*number);
    }

    // A float has lost the decimals that the author wrote; the message shows what to write.
    if (auto const number = current->value_exact<double>()) {
        problem(key, "a number with a point is kept inexactly: write it in quotes, \"" +
                         shortest(*number) + "\"");
        return std::nullopt;
    }

    auto text = current->value_exact<std::string>();
    if (!text) {
        problem(key, "must be a decimal number in quotes, such as \"0.25\"");
    }
    return text;
}

std::optional<amount> plan_table::money(std::string_view key, bool may_be_negative) {
    auto const text = number_text(key);
    if (!text || text->empty()) {
        return std::nullopt;
    }
    auto const value = parse_amount(*text);
    if (!value) {
        problem(key, "\"" + *text +
                         "\" is no amount: digits with a point, at most nine decimals, " +
                         "below 9223372036");
    } else if (value->nanos < 0 && !may_be_negative) {
        problem(key, "must not be negative");
        return std::nullopt;
    }
    return value;
}

std::optional<quantity> plan_table::units(std::string_view key) {
    auto const text = number_text(key);
    if (!text || text->empty()) {
        return std::nullopt;
    }
    auto const value = parse_quantity(*text);
    if (!value) {
        problem(key,
                "\"" + *text + "\" is not a quantity: digits with a point, at most nine decimals");
    } else if (value->nanos < 0) {
        problem(key, "must not be negative");
        return std::nullopt;
    }
    return value;
}

std::optional<ingest::time_us> plan_table::moment(std::string_view key, plan_zone& zone) {
    auto const* const current = node(key);
    auto const text = current == nullptr ? std::nullopt : time_text(*current);
    if (current == nullptr || (text && text->empty())) {
        return std::nullopt;
    }
    auto const value = text ? zone.parse(*text) : std::nullopt;
    if (!value) {
        problem(key, "must be a date such as \"2026-01-31\" (the plan's local midnight) or a time "
                     "such as \"2026-01-31T08:00:00Z\"");
    }
    return value;
}

std::optional<std::int32_t> plan_table::clock(std::string_view key) {
    auto const* const current = node(key);
    if (current == nullptr) {
        return std::nullopt;
    }

    // TOML has times of day, but no 24:00; a band to the end of the day is a string.
    if (auto const* time = current->as_time()) {
        auto const& clock = time->get();
        return (clock.hour * 60 + clock.minute) * 60 + clock.second;
    }
    auto const text = current->value_exact<std::string>();
    auto const value = text ? parse_clock(*text) : std::nullopt;
    if (!value) {
        problem(key, "must be a time of day, \"00:00\" to \"24:00\"");
    }
    return value;
}

std::vector<toml::table const*> plan_table::tables(std::string_view key) {
    std::vector<toml::table const*> found;
    auto const* const current = node(key);
    auto const* const list = current == nullptr ? nullptr : current->as_array();
    if (current != nullptr && list == nullptr) {
        problem(key, "must be a list of tables: [ { ... }, { ... } ]");
        return found;
    }
    for (std::size_t i = 0; list != nullptr && i < list->size(); ++i) {
        if (auto const* table = (*list)[i].as_table()) {
            found.push_back(table);
        } else {
            problem_at((*list)[i], std::string{key} + ": must be a table: { ... }");
        }
    }
    return found;
}

} // namespace tally::rating
