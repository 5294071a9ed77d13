#include "storage/batch/stored_events.hpp"

#include "storage/batch/batch_statements.hpp"
#include "storage/batch/event_statements.hpp"

#include <algorithm>

namespace tally::storage {

result find_stored_events(pq_connection& connection, std::span<ingest::uuid const> ids,
                          std::vector<stored_event>& out) {
    out.clear();
    // In key order the index is read page by page.
    std::vector<ingest::uuid> sorted(ids.begin(), ids.end());
    std::sort(sorted.begin(), sorted.end());
    array_parameter asked{wire::uuid_oid};
    for (auto const& id : sorted) {
        asked.add(id);
    }

    parameters values;
    values.add(asked);
    pq_rows rows;
    result status = connection.run(statement::stored_events, values, rows);
    // The content decides: equal is a duplicate, different is a conflict (R6).
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        out.push_back({uuid_at(rows, i, 0), static_cast<std::uint64_t>(int64_at(rows, i, 1))});
    }
    return status;
}

result find_metrics(pq_connection& connection, std::span<metric_row const> keys,
                    std::vector<metric_state>& out) {
    // A key without a row keeps the default: version 0, with nothing used.
    out.assign(keys.size(), {});
    metric_keys arrays;
    pq_rows rows;
    result status = connection.run(statement::load_metrics, arrays.fill(keys), rows);
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        // The first column counts from 1, as WITH ORDINALITY does.
        auto const index = static_cast<std::size_t>(int64_at(rows, i, 0)) - 1;
        auto const total = wire::get_numeric_sum(bytes_at(rows, i, 2));

        // A total that cannot be read must not count as zero: the batch would be rated on it.
        if (index >= out.size() || !total) {
            return {failure::permanent, {}, "a quantity in subscription_metric_usage is no number"};
        }
        out[index] = {int64_at(rows, i, 1),
                      {rating::quantity{total->nanos}, time_at(rows, i, 3, INT64_MIN)}};
    }
    return status;
}

result find_counted_values(pq_connection& connection, std::span<unique_value_row const> values,
                           std::vector<unique_value_row>& out) {
    out.clear();
    unique_value_rows arrays;
    pq_rows rows;
    result status = connection.run(statement::counted_values, arrays.fill(values), rows);
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        unique_value_row const found{uuid_at(rows, i, 0), time_at(rows, i, 1, 0),
                                     bytes_at(rows, i, 2), uuid_at(rows, i, 3)};
        auto const asked = std::find(values.begin(), values.end(), found);
        if (asked != values.end()) {
            out.push_back(*asked); // `found` views the rows, which end here
        }
    }
    return status;
}

} // namespace tally::storage
