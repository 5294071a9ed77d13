#pragma once

#include <string>

namespace tally::storage {

/// Applies the plans of config/plans/ that the database does not have: a plan of the same code, or
/// of the same place in the price list, is somebody's own and stays as it is. Throws
/// std::runtime_error.
void seed_telecom_plans(std::string const& connection_string);

} // namespace tally::storage
