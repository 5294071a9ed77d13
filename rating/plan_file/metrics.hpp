#pragma once

// Included by .cpp files of rating/ only: brings toml++ along.

#include "rating/plan_file/plan_toml.hpp"

namespace tally::rating {

/// Reads [[metric]], the prices of usage events, and adds its problems to the state.
void read_plan_metrics(toml::array const& metrics, plan_reader_state& state);

} // namespace tally::rating
