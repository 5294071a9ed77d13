#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <span>
#include <vector>

namespace tally::storage {

// The queries for a batch of events. Their contracts are those of batch_writer.

result find_stored_events(pq_connection& connection, std::span<ingest::uuid const> ids,
                          std::vector<stored_event>& out);
result find_metrics(pq_connection& connection, std::span<metric_row const> keys,
                    std::vector<metric_state>& out);
result find_counted_values(pq_connection& connection, std::span<unique_value_row const> values,
                           std::vector<unique_value_row>& out);

} // namespace tally::storage
