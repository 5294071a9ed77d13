#pragma once

#include <string>

namespace tally::storage {

/// Applies the plans of config/plans/ that the database does not have. An existing plan of the same
/// code, or at the same position of the price list, belongs to the operator and is left alone.
/// Throws command_error.
void seed_telecom_plans(std::string const& connection_string);

} // namespace tally::storage
