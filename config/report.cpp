#include "config/report.hpp"

#include "config/quantity_text.hpp"
#include "config/settings_table.hpp"
#include "config/text_rules.hpp"
#include "config/toml_library.hpp"

#include <algorithm>

namespace tally::config {
namespace {

// Wide enough for most keys and values; a longer one moves only its own line.
constexpr auto key_width = std::size_t{26};
constexpr auto value_width = std::size_t{34};

std::string padded(std::string text, std::size_t width) {
    // At least one blank, so that two columns never run together.
    text.append(text.size() < width ? width - text.size() : 1, ' ');
    return text;
}

/// A text setting without passwords.
std::string shown_text(setting const& row, settings const& values) {
    auto const& text = values.*std::get<text_setting>(row.value).member;
    // The only setting that may have a password. The output goes into logs and bug reports.
    return row.key == "database.url" ? masked_url(text) : text;
}

std::string shown_value(setting const& row, settings const& values) {
    if (auto const* number = std::get_if<number_setting>(&row.value)) {
        return quantity_text(values.*number->member, number->counts);
    }
    if (std::holds_alternative<flag_setting>(row.value)) {
        return value_text(row, values);
    }
    auto text = shown_text(row, values);
    return text.empty() ? "(empty)" : text;
}

/// One setting of the JSON output; numbers are numbers there, not texts with suffixes.
toml::table json_entry(setting const& row, loaded_settings const& loaded, std::size_t index) {
    toml::table entry;
    if (auto const* number = std::get_if<number_setting>(&row.value)) {
        entry.insert("value", loaded.values.*number->member);
    } else if (auto const* flag = std::get_if<flag_setting>(&row.value)) {
        entry.insert("value", loaded.values.*flag->member);
    } else {
        entry.insert("value", shown_text(row, loaded.values));
    }

    // The place that decided: "default", a variable, or file:line:column.
    entry.insert("from", loaded.origins[index]);
    return entry;
}

std::string bounds_or_rule(setting const& row) {
    if (auto const* number = std::get_if<number_setting>(&row.value)) {
        return quantity_text(number->min, number->counts) + " to " +
               quantity_text(number->max, number->counts);
    }
    // A flag has no bounds, and a text has a rule in words.
    if (std::holds_alternative<flag_setting>(row.value)) {
        return "true or false";
    }
    return std::string{std::get<text_setting>(row.value).rule};
}

/// One setting of the sample file: description, rule, environment variable, and the default as a
/// comment.
void append_sample(std::string& page, setting const& row, settings const& defaults) {
    auto const section = section_of(row.key);
    auto const name = section.empty() ? row.key : row.key.substr(section.size() + 1);
    page.append("\n# ").append(row.description).append(".\n# ");
    page.append(bounds_or_rule(row)).append("; ").append(environment_name(row.key)).append("\n# ");
    page.append(name).append(" = ").append(value_text(row, defaults));

    // 134217728 alone is hard to read, so the line ends with "# 128 MiB".
    auto const* number = std::get_if<number_setting>(&row.value);
    if (number != nullptr && number->counts != unit::none) {
        page.append(" # ").append(quantity_text(defaults.*number->member, number->counts));
    }
    page.append("\n");
}

} // namespace

void write_table(std::ostream& out, loaded_settings const& loaded) {
    // For people: one line for each setting, in the order of the table.
    out << padded("setting", key_width) << padded("value", value_width) << "from\n";
    auto const table = settings_table();
    for (std::size_t i = 0; i < table.size(); ++i) {
        out << padded(std::string{table[i].key}, key_width)
            << padded(shown_value(table[i], loaded.values), value_width) << loaded.origins[i]
            << '\n';
    }
}

void write_json(std::ostream& out, loaded_settings const& loaded) {
    toml::table rows;
    auto const table = settings_table();
    for (std::size_t i = 0; i < table.size(); ++i) {
        rows.insert(table[i].key, json_entry(table[i], loaded, i));
    }

    toml::array problems;
    for (auto const& problem : loaded.problems) {
        problems.push_back(problem);
    }

    // The exit code tells whether it is valid; "ok" says the same in the document.
    toml::table const page{{"ok", loaded.ok()},
                           {"file", loaded.file},
                           {"settings", std::move(rows)},
                           {"problems", std::move(problems)}};
    out << toml::json_formatter{page} << '\n';
}

std::string sample_file() {
    settings const defaults;
    std::string page = "# Settings of tallyd. The lines that are commented out show the defaults.\n"
                       "# The environment variable that is named with a setting also sets it.\n"
                       "# `tallyd check-config` shows the effective values and their origins.\n";

    // The table is grouped by section, so a new section begins where the name changes.
    std::string_view section;
    for (auto const& row : settings_table()) {
        if (section_of(row.key) != section) {
            section = section_of(row.key);
            page.append("\n[").append(section).append("]\n");
        }
        append_sample(page, row, defaults);
    }
    return page;
}

std::string reference_page() {
    settings const defaults;

    // A test compares the page with config/REFERENCE.md, so its lines are broken as in that file.
    std::string page =
        "# Settings\n\n"
        "Generated by `tallyd check-config --reference`; a test compares this page with the "
        "code.\n\n"
        "A number is in its unit, or has a suffix in quotes: `\"64 MiB\"`, `\"30 s\"`,\n"
        "`\"7 days\"`. The environment overrides the file, and the file overrides the default.\n\n"
        "| Key | Environment | Default | Allowed | Meaning |\n"
        "|---|---|---|---|---|\n";

    // An empty default would be an empty cell, which looks like a mistake.
    for (auto const& row : settings_table()) {
        auto const value = shown_value(row, defaults);
        page.append("| `").append(row.key).append("` | `").append(environment_name(row.key));
        page.append("` | ").append(value == "(empty)" ? "empty" : '`' + value + '`').append(" | ");
        page.append(bounds_or_rule(row)).append(" | ").append(row.description).append(" |\n");
    }
    return page;
}

} // namespace tally::config
