#pragma once

#include "rating/plan/difference.hpp"
#include "storage/plans/transaction.hpp"

#include <vector>

namespace tally::storage {

/// Writes the changes of a difference to the plan `id`. write_plan_head() leaves out the fallback:
/// see write_fallback(). All throw database_error; a fallback that does not exist, command_error.
void write_plan_head(plan_transaction& transaction, rating::plan_definition const& plan,
                     ingest::uuid const& id, rating::plan_difference const& changes);
void write_fallback(plan_transaction& transaction, rating::plan_definition const& plan,
                    ingest::uuid const& id);
void write_plan_content(plan_transaction& transaction, ingest::uuid const& id,
                        std::vector<ingest::uuid> band_ids, rating::plan_difference const& changes);

} // namespace tally::storage
