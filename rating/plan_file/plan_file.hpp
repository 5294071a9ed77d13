#pragma once

#include "rating/plan/plan_definition.hpp"
#include "rating/plan/plan_problems.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::rating {

/// A plan, or every problem that was found; never both.
struct plan_reading {
    std::optional<plan_definition> plan;
    std::vector<plan_problem> problems;
};

/// Gives the text of a deck file that a plan names; nullopt when it cannot be read.
using deck_source = std::function<std::optional<std::string>(std::string_view name)>;

/// Reads a plan file (TOML; docs/RATING.md, Plan files) and the decks (CSV) it names. Reports all
/// problems at once. Rates whose call type or name the file leaves out have them empty: the
/// destinations table completes them.
plan_reading read_plan(std::string_view text, std::string_view file_name, deck_source const& decks);

/// The same plan as a file that read_plan takes back to an equal definition, decks included as
/// [[rate]] tables.
std::string write_plan(plan_definition const& plan);

} // namespace tally::rating
