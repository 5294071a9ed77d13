#pragma once

#include "rating/plan/definition.hpp"
#include "rating/plan/problems.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::rating {

/// A plan, or all problems that were found; never both.
struct plan_reading {
    std::optional<plan_definition> plan;
    std::vector<plan_problem> problems;
};

/// Returns the text of a deck file that a plan names; nullopt when it cannot be read.
using deck_source = std::function<std::optional<std::string>(std::string_view name)>;

/// Reads a plan file (TOML; docs/RATING.md, Plan files) and the decks (CSV) that it names. Reports
/// all problems at once. A call type or name that the file omits is empty here; the store fills it
/// from the destinations table.
plan_reading read_plan(std::string_view text, std::string_view file_name, deck_source const& decks);

} // namespace tally::rating
