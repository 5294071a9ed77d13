#pragma once

// Included by .cpp files of rating/ only: brings toml++ along.

#include "rating/plan_file/plan_toml.hpp"

namespace tally::rating {

/// Reads [plan], which is required, and adds its problems to the state. First: the other parts need
/// its zone.
void read_plan_head(toml::table const& root, plan_reader_state& state);

} // namespace tally::rating
