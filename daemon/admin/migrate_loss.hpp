#pragma once

#include "storage/schema/migrations.hpp"

#include <string>

namespace tally::daemon {

/// What reverting destroys, for the person who is asked: the migrations, the tables that go with
/// all their rows and how large they are, and `database` (storage::describe_database).
std::string describe_loss(storage::migration_loss const& loss, std::string const& database);

} // namespace tally::daemon
