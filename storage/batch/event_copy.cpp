#include "storage/batch/event_copy.hpp"

#include "storage/postgres/copy_stream.hpp"

#include <algorithm>
#include <tuple>

namespace tally::storage {

void event_copy::sort(batch const& what, fact_table const& table) {
    order_.clear();
    for (std::uint32_t place = 0; place < what.events.size(); ++place) {
        if (table_of(what.events[place].what->kind).facts == &table) {
            order_.push_back(place);
        }
    }
    auto const key = [&what](std::uint32_t place) {
        auto const& row = what.events[place];
        return std::tie(row.account_id, row.what->occurred, row.what->id);
    };
    std::sort(order_.begin(), order_.end(),
              [&key](std::uint32_t a, std::uint32_t b) { return key(a) < key(b); });
}

result event_copy::write(pq_connection& to, batch const& what, std::uint32_t& refused) {
    refused = no_row;
    for (auto const* const table : fact_tables()) {
        sort(what, *table);
        if (order_.empty()) {
            continue;
        }
        result said = stream(to, what, *table);
        if (said.ok()) {
            continue;
        }

        // The report names the line of the COPY, which is a position in order_.
        std::uint64_t const line = copy_line(said.detail, table->name);
        if (said.why == failure::bad_data && line != 0 && line <= order_.size()) {
            refused = order_[static_cast<std::size_t>(line) - 1];
        }
        return said;
    }
    return {};
}

result event_copy::stream(pq_connection& to, batch const& what, fact_table const& table) {
    result said = to.begin_copy_in(std::string{table.copy_sql});
    if (!said.ok()) {
        return said;
    }
    return stream_rows(to, buffer_, order_.size(),
                       [&](std::size_t i) { table.put(buffer_, what.events[order_[i]], what); });
}

} // namespace tally::storage
