#pragma once

#include "rating/plan_file/plan_file.hpp"

#include <string>

namespace tally::daemon {

/// Reads a plan file of the disk, with the decks beside it. A file that cannot be read is a problem
/// like those in it.
rating::plan_reading read_plan_file(std::string const& path);

/// "file:line:column: what", as compilers and editors have it.
std::string line_of(rating::plan_problem const& problem);

} // namespace tally::daemon
