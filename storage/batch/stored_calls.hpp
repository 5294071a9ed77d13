#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <span>
#include <vector>

namespace tally::storage {

/// Those of `keys` that are in billing.cdrs, in no order. One query for each day, so that only that
/// day's partition is planned and opened.
result find_stored_calls(pq_connection& on, std::span<call_key const> keys,
                         std::vector<stored_call>& out);

/// The same by start and id alone. No index serves that in an open partition, so each day is read
/// once: for the few batches that a killed run may have stored.
result find_calls_of_anybody(pq_connection& on, std::span<call_key const> keys,
                             std::vector<stored_call>& out);

} // namespace tally::storage
