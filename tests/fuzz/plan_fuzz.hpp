#pragma once

#include <string_view>

namespace tally::fuzz {

/// Reads a plan file whose decks are `deck`. Aborts when a property of every input does not hold:
/// the result is a plan or problems, never both; a plan makes a valid tariff, and reading the file
/// that is written from it gives an equal plan.
void check_plan(std::string_view plan_file, std::string_view deck);

} // namespace tally::fuzz
