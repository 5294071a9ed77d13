#pragma once

#include "storage/schema/migrations.hpp"

#include <string>

namespace tally::daemon {

/// Describes what reverting destroys, for the question to the operator: the migrations, the tables
/// that are dropped, their size, and `database` (storage::describe_database).
std::string describe_loss(storage::migration_loss const& loss, std::string const& database);

} // namespace tally::daemon
