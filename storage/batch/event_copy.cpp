#include "storage/batch/event_copy.hpp"

#include "storage/postgres/copy_stream.hpp"

#include <algorithm>
#include <tuple>

namespace tally::storage {

void event_copy::sort(batch const& rows, fact_table const& table) {
    // Of the batch's events those that this table takes. A kind may have facts and effects: its
    // event is in both.
    order_.clear();
    for (std::uint32_t index = 0; index < rows.events.size(); ++index) {
        auto const& kind = table_of(rows.events[index].event->kind);
        if (kind.facts == &table || kind.effects == &table) {
            order_.push_back(index);
        }
    }
    if (table.in_order_of_arrival) {
        return;
    }

    // By account and time, as the unique key of analytics.usage_events begins: rows that are
    // written one after the other share pages of its index.
    auto const key = [&rows](std::uint32_t slot_index) {
        auto const& row = rows.events[slot_index];
        return std::tie(row.account_id, row.event->occurred, row.event->id);
    };
    std::sort(order_.begin(), order_.end(),
              [&key](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
}

result event_copy::write(pq_connection& connection, batch const& rows, std::uint32_t& refused) {
    // One COPY after the other: a connection can run one at a time.
    refused = no_row;
    for (auto const* const table : fact_tables()) {
        sort(rows, *table);
        if (order_.empty()) {
            continue;
        }

        // A failure of one table ends the transaction, so the others are not tried.
        result status = stream(connection, rows, *table);
        if (status.ok()) {
            continue;
        }

        // The report names the line of the COPY, which is a position in order_.
        std::uint64_t const line = copy_line(status.detail, table->name);
        if (status.reason == failure::bad_data && line != 0 && line <= order_.size()) {
            refused = order_[static_cast<std::size_t>(line) - 1];
        }
        return status;
    }
    return {};
}

result event_copy::stream(pq_connection& connection, batch const& rows, fact_table const& table) {
    // Rows can be sent only after the server has answered that it expects them.
    result status = connection.begin_copy_in(std::string{table.copy_sql});
    if (!status.ok()) {
        return status;
    }
    return stream_rows(connection, buffer_, order_.size(),
                       [&](std::size_t i) { table.put(buffer_, rows.events[order_[i]], rows); });
}

} // namespace tally::storage
