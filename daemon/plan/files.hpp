#pragma once

#include "rating/plan_file/plan_file.hpp"

#include <string>

namespace tally::daemon {

/// Reads a plan file and the decks beside it. A file that cannot be read is reported as a problem,
/// like an error in its content.
rating::plan_reading read_plan_file(std::string const& path);

/// "file:line:column: text", the form that editors recognize.
std::string line_of(rating::plan_problem const& problem);

} // namespace tally::daemon
