#pragma once

#include <string_view>

namespace tally::fuzz {

/// Reads a plan file whose decks are `deck`, and aborts when something does not hold that holds for
/// every input: a plan or problems, never both; a plan can be charged by and comes back from the
/// file that is written of it.
void check_plan(std::string_view plan_file, std::string_view deck);

} // namespace tally::fuzz
