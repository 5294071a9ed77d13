#pragma once

// The settings with which rating/ compiles toml++. Only .cpp files of rating/ include this header.
//
// If toml++ is compiled into the program (no shared library), version 3.3 fails an assertion on
// some broken files, such as "[[\n\u0000", though its error handling covers them. A plan file must
// not abort the daemon, so the assertions are off.
#ifndef TOML_ASSERT
#define TOML_ASSERT(expression) static_assert(true)
#endif

#include <toml++/toml.h>

#include "rating/plan/problems.hpp"
#include "rating/plan/values.hpp"
#include "rating/plan_file/plan_reader_state.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::rating {

/// Reads the keys of one table of a plan file. Each getter returns its fallback for a key that is
/// absent or wrong; for a wrong key it also adds a problem at the key's position.
class plan_table {
  public:
    /// Adds a problem for every key that is not in `known`.
    plan_table(toml::table const& table, std::string_view text,
               std::span<std::string_view const> known, plan_problems& problems,
               std::uint32_t file);

    [[nodiscard]] bool has(std::string_view key) const { return table_.contains(key); }
    [[nodiscard]] toml::node const* node(std::string_view key) const { return table_.get(key); }
    /// Returns false, with a problem, when the key is absent.
    bool require(std::string_view key);

    std::string text(std::string_view key, std::string fallback = {}, bool many_lines = false);
    bool truth(std::string_view key, bool fallback);
    std::int64_t whole(std::string_view key, std::int64_t fallback, std::int64_t low,
                       std::int64_t high);
    /// Also nullopt for an empty text, which means "none" in a plan file.
    std::optional<amount> money(std::string_view key, bool may_be_negative = false);
    std::optional<quantity> units(std::string_view key);
    std::optional<ingest::time_us> moment(std::string_view key, plan_zone& zone);
    /// A second of the day.
    std::optional<std::int32_t> clock(std::string_view key);
    template <typename Value, std::size_t Count>
    Value choice(std::string_view key, std::array<value_name<Value>, Count> const& names,
                 Value fallback) {
        if (!has(key)) {
            return fallback;
        }
        std::string const word = text(key);
        auto const found = value_named(names, word);
        if (!found && !word.empty()) {
            problem(key, "\"" + word + "\" is not " + listed(names));
        } else if (!found) {
            problem(key, "must be " + listed(names));
        }
        return found.value_or(fallback);
    }
    /// The tables of an array of tables or of inline tables; empty when the key is absent.
    std::vector<toml::table const*> tables(std::string_view key);

    /// Adds a problem at the key's value, or at the table when the key is absent. The text begins
    /// with the key.
    void problem(std::string_view key, std::string const& text);
    void problem_at(toml::node const& location, std::string text);
    [[nodiscard]] plan_location location_of(toml::node const& node) const;
    [[nodiscard]] plan_location location() const { return location_of(table_); }

  private:
    /// The text of a number that is given as text or as a TOML integer. nullopt when the key is
    /// absent, and, with a problem, for any other value.
    std::optional<std::string> number_text(std::string_view key);
    void unknown(toml::key const& key, std::span<std::string_view const> known);

    toml::table const& table_;
    std::string_view text_;
    plan_problems& problems_;
    std::uint32_t file_;
};

} // namespace tally::rating
