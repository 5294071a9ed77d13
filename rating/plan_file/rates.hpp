#pragma once

// Included by .cpp files of rating/ only: brings toml++ along.

#include "rating/plan_file/plan_toml.hpp"

namespace tally::rating {

/// Reads [[rate]], the prices of the prefixes that the file itself lists, and adds its problems to
/// the state. After the bands.
void read_plan_rates(toml::array const& rates, plan_reader_state& state);

} // namespace tally::rating
