#pragma once

#include "ingest/text/csv_row.hpp"
#include "rating/plan/problems.hpp"

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace tally::rating {

enum class deck_column : std::uint8_t {
    prefix,
    name,
    direction,
    band,
    call_type,
    connect_fee,
    price,
    unit_s,
    increments,
    from_s,
    increment_s,
    minimum,
    maximum,
    grace_s,
    allowance,
    on_net,
    effective_from,
    effective_to,
};

/// By deck_column.
inline constexpr std::array<std::string_view, 18> deck_column_names{
    "prefix",  "name",    "direction",  "band",   "call_type",      "connect_fee",
    "price",   "unit_s",  "increments", "from_s", "increment_s",    "minimum",
    "maximum", "grace_s", "allowance",  "on_net", "effective_from", "effective_to"};

/// The fields of one row of a deck, by column, in any order of the header.
class deck_row {
  public:
    /// Reads the header. Returns false, with problems, when its names do not make a deck.
    bool take_header(std::string_view row, plan_location location, plan_problems& problems);
    /// Splits a row. Returns false, with a problem, when it does not have the header's columns.
    bool take(std::string_view row, plan_location location, plan_problems& problems);

    /// The field without blanks at its ends; empty when the deck has no such column.
    [[nodiscard]] std::string_view text(deck_column column) const noexcept {
        return texts_[static_cast<std::size_t>(column)];
    }
    [[nodiscard]] plan_location location_of(deck_column column) const noexcept;
    void problem(deck_column column, std::string const& text, plan_problems& problems) const;

  private:
    static constexpr std::size_t columns_max = 256;

    bool take_name(std::string_view name, std::size_t column, plan_location location,
                   plan_problems& problems);

    std::vector<int> columns_; ///< the deck_column of each field; negative: not set
    std::vector<ingest::csv_field> fields_;
    std::string_view row_;
    plan_location location_; ///< of the row
    std::array<std::string_view, deck_column_names.size()> texts_;
    std::array<std::string, deck_column_names.size()> unquoted_; ///< of fields with doubled quotes
};

} // namespace tally::rating
