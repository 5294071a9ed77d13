#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <span>
#include <vector>

namespace tally::storage {

/// Those of `keys` that are in billing.cdrs, in no particular order. One query for each day, so
/// that the server plans and opens only the partition of that day.
result find_stored_calls(pq_connection& connection, std::span<call_key const> keys,
                         std::vector<stored_call>& out);

} // namespace tally::storage
