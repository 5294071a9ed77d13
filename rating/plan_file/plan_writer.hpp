#pragma once

#include "rating/plan/definition.hpp"

#include <string>

namespace tally::rating {

/// The plan as a file from which read_plan reads an equal definition. Rates of decks are written as
/// [[rate]] tables.
std::string write_plan(plan_definition const& plan);

} // namespace tally::rating
