#include "ingest/json/number_rules.hpp"

#include <simdjson.h>

#include <algorithm>
#include <array>

namespace tally::ingest {
namespace {

using simdjson::ondemand::array;
using simdjson::ondemand::json_type;
using simdjson::ondemand::object;
using simdjson::ondemand::value;

/// E.164 has 15 digits; routing prefixes make numbers longer.
constexpr std::size_t digits_max = 32;
/// Rules are tried one after the other for each call, so their number is bounded.
constexpr std::size_t entries_max = 100;

constexpr std::string_view all_digits = "0123456789";
constexpr std::string_view rewrite_characters =
    "0123456789*#+abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

/// Reads the document member by member. Each problem is reported with the name of its member. Input
/// that is not JSON ends the reading with a simdjson_error.
class rules_reader {
  public:
    number_rules_reading read(std::string_view json);

  private:
    using read_fn = void (rules_reader::*)(value);
    struct member {
        std::string_view name;
        read_fn read;
    };
    static std::array<member, 7> const members;

    void read_members(simdjson::ondemand::document& document);
    void take_member(std::string const& name, value given);
    void international(value given);
    void national(value given);
    void country(value given);
    void lengths(value given);
    void rewrites(value given);
    void short_codes(value given);
    void short_digits(value given);
    void rewrite(value given, std::string const& location);
    void check_together();

    bool text(value given, std::string const& location, std::string_view characters,
              std::string& out);
    template <typename Take>
    void each_of(value given, std::string const& location, Take&& take);
    bool count(value given, std::string const& location, std::uint32_t& out);
    void problem(std::string const& location, std::string const& text) {
        out_.problems.push_back(location + ": " + text);
    }

    number_rules_reading out_;
};

std::array<rules_reader::member, 7> const rules_reader::members{{
    {"international_prefixes", &rules_reader::international},
    {"national_prefix", &rules_reader::national},
    {"country_code", &rules_reader::country},
    {"national_lengths", &rules_reader::lengths},
    {"rewrites", &rules_reader::rewrites},
    {"short_codes", &rules_reader::short_codes},
    {"short_digits_max", &rules_reader::short_digits},
}};

number_rules_reading rules_reader::read(std::string_view json) {
    try {
        simdjson::padded_string const text{json};
        simdjson::ondemand::parser parser;
        simdjson::ondemand::document document = parser.iterate(text);
        if (document.type() != json_type::object) {
            problem("number rules", "must be one JSON object");
        } else {
            read_members(document);
        }

        // simdjson parses on demand and would not notice bytes after the object.
        if (out_.problems.empty() &&
            document.current_location().error() != simdjson::OUT_OF_BOUNDS) {
            problem("number rules", "unexpected text after the JSON object");
        }
    } catch (simdjson::simdjson_error const& error) {
        problem("number rules", std::string{"not JSON: "} + error.what());
    }

    // Rules with a problem are not applied in part: numbers would be changed in unintended ways.
    if (!out_.problems.empty()) {
        out_.rules = {};
    }
    return std::move(out_);
}

void rules_reader::read_members(simdjson::ondemand::document& document) {
    object whole = document.get_object();
    for (auto field : whole) {
        std::string const name{std::string_view{field.unescaped_key()}};
        take_member(name, field.value());
    }
    check_together();
}

void rules_reader::take_member(std::string const& name, value given) {
    auto const found = std::find_if(members.begin(), members.end(),
                                    [&name](member const& each) { return each.name == name; });
    if (found != members.end()) {
        (this->*found->read)(given);
        return;
    }

    // A misspelled rule would silently never apply, so it is a problem; the list helps to correct
    // it.
    std::string known;
    for (auto const& each : members) {
        known += (known.empty() ? "" : ", ") + std::string{each.name};
    }
    problem(name, "no such rule; there are " + known);
}

bool rules_reader::text(value given, std::string const& location, std::string_view characters,
                        std::string& out) {
    if (given.type() != json_type::string) {
        problem(location, "must be a string, as in \"00\"");
        return false;
    }

    // Characters that no number contains would make a rule that never matches.
    std::string const text{std::string_view{given.get_string()}};
    if (text.size() > digits_max || text.find_first_not_of(characters) != std::string::npos) {
        problem(location, "'" + text + "' must be at most 32 " +
                              (characters == all_digits ? "digits" : "digits, letters, * # or +"));
        return false;
    }
    out = text;
    return true;
}

bool rules_reader::count(value given, std::string const& location, std::uint32_t& out) {
    std::int64_t number = 0;
    if (given.type() != json_type::number || given.get_int64().get(number) || number < 0 ||
        number > static_cast<std::int64_t>(digits_max)) {
        problem(location, "must be a whole number from 0 to 32");
        return false;
    }
    out = static_cast<std::uint32_t>(number);
    return true;
}

template <typename Take>
void rules_reader::each_of(value given, std::string const& location, Take&& take) {
    if (given.type() != json_type::array) {
        problem(location, "must be a list, as in [ ]");
        return;
    }
    array entries = given.get_array();
    std::size_t index = 0;
    for (value entry : entries) {
        if (index == entries_max) {
            problem(location, "more than 100 entries");
            return;
        }
        take(entry, index++);
    }
}

void rules_reader::international(value given) {
    auto& all = out_.rules.international_prefixes;
    each_of(given, "international_prefixes", [&](value entry, std::size_t) {
        std::string prefix;
        if (text(entry, "international_prefixes", all_digits, prefix)) {
            if (prefix.empty()) {
                problem("international_prefixes", "an empty prefix would match every number");
            }
            all.push_back(std::move(prefix));
        }
    });
    // The longest prefix that fits is used: 0011 before 00.
    std::stable_sort(all.begin(), all.end(),
                     [](auto const& a, auto const& b) { return a.size() > b.size(); });
}

void rules_reader::national(value given) {
    text(given, "national_prefix", all_digits, out_.rules.national_prefix);
}

void rules_reader::country(value given) {
    auto& code = out_.rules.country_code;
    if (text(given, "country_code", all_digits, code) &&
        (code.empty() || code.size() > 3 || code.front() == '0')) {
        problem("country_code", "'" + code + "' is none: 1 to 3 digits, not beginning with 0");
    }
}

void rules_reader::lengths(value given) {
    each_of(given, "national_lengths", [&](value entry, std::size_t) {
        if (std::uint32_t digits = 0; count(entry, "national_lengths", digits)) {
            out_.rules.national_lengths.push_back(digits);
        }
    });
}

void rules_reader::rewrites(value given) {
    each_of(given, "rewrites", [&](value entry, std::size_t index) {
        rewrite(entry, "rewrites[" + std::to_string(index) + "]");
    });
}

void rules_reader::rewrite(value given, std::string const& location) {
    if (given.type() != json_type::object) {
        problem(location, R"(must be an object, as in {"prefix": "99", "replacement": ""})");
        return;
    }

    // Unknown members are problems here too, for the same reason as at the top level.
    number_rewrite rule;
    object parts = given.get_object();
    for (auto field : parts) {
        std::string const name{std::string_view{field.unescaped_key()}};
        if (name == "prefix") {
            text(field.value(), location + ".prefix", rewrite_characters, rule.prefix);
        } else if (name == "replacement") {
            text(field.value(), location + ".replacement", rewrite_characters, rule.replacement);
        } else {
            problem(location, "'" + name + "': there are prefix and replacement");
        }
    }

    // An empty prefix would match every number.
    if (rule.prefix.empty()) {
        problem(location, "needs a prefix that is not empty");
    }
    out_.rules.rewrites.push_back(std::move(rule));
}

void rules_reader::short_codes(value given) {
    each_of(given, "short_codes", [&](value entry, std::size_t) {
        if (std::string code; text(entry, "short_codes", all_digits, code)) {
            out_.rules.short_codes.push_back(std::move(code));
        }
    });
}

void rules_reader::short_digits(value given) {
    count(given, "short_digits_max", out_.rules.short_digits_max);
}

void rules_reader::check_together() {
    // These two rules only make sense with a country: they turn a national number into an
    // international one.
    auto const& rules = out_.rules;
    if (!rules.country_code.empty()) {
        return;
    }
    if (!rules.national_prefix.empty()) {
        problem("national_prefix", "needs a country_code to put in its place");
    }
    if (!rules.national_lengths.empty()) {
        problem("national_lengths", "needs a country_code to put in front");
    }
}

} // namespace

number_rules_reading read_number_rules(std::string_view json) {
    auto reading = rules_reader{}.read(json);
    if (reading.problems.empty() && reading.rules != number_rules{}) {
        reading.rules.text = json;
    }
    return reading;
}

} // namespace tally::ingest
