#pragma once

#include "rating/plan/difference.hpp"
#include "storage/plans/transaction.hpp"

#include <optional>
#include <string_view>

namespace tally::storage {

/// The plan of that code with all its versions, even a deleted one; nullopt if there is none.
/// Throws command_error for an amount that cannot be read, and database_error.
std::optional<rating::stored_plan> read_stored_plan(plan_transaction& transaction,
                                                    std::string_view code);

} // namespace tally::storage
