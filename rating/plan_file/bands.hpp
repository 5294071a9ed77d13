#pragma once

// Included by .cpp files of rating/ only: brings toml++ along.

#include "rating/plan_file/plan_toml.hpp"

namespace tally::rating {

/// Reads [[band]], the wall-clock windows of a plan, and adds its problems to the state. Before the
/// rates, which name bands.
void read_plan_bands(toml::array const& bands, plan_reader_state& state);

} // namespace tally::rating
