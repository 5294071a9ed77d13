#pragma once

#include "rating/plan_file/plan_reader_state.hpp"

#include <string_view>

namespace tally::rating {

/// Adds the rates of a rate deck (CSV with a header line; docs/RATING.md, Plan files) to the plan,
/// whose bands and zone were read before. Adds a problem for every bad row, with line and column.
void read_deck(std::string_view text, std::string_view name, plan_reader_state& state);

} // namespace tally::rating
