#pragma once

#include "rating/plan/difference.hpp"
#include "rating/plan_file/plan_file.hpp"
#include "storage/plans/store.hpp"

#include <iosfwd>
#include <span>
#include <string>

namespace tally::daemon {

/// The number of rows of a difference that a table shows at most. A deck may have 100,000.
inline constexpr std::size_t plan_rows_shown_max = 200;

/// Prints what applying a plan changes, as text and a table.
void print_difference(std::ostream& out, rating::plan_definition const& plan,
                      rating::plan_difference const& changes);
/// The same as one JSON object, with all rows.
std::string difference_json(rating::plan_definition const& plan,
                            rating::plan_difference const& changes);

void print_plans(std::ostream& out, std::span<storage::plan_summary const> plans);
std::string plan_json(storage::plan_summary const& plan);

/// {"file","line","column","what"}.
std::string problem_json(rating::plan_problem const& problem);

} // namespace tally::daemon
