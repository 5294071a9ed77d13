#include "storage/batch/batch.hpp"

#include <algorithm>

namespace tally::storage {

void stored_sums::add(std::span<cdr_row const> rows) noexcept {
    calls += rows.size();
    for (auto const& row : rows) {
        cost += row.rated.cost;
        first = std::min(first, ingest::whole_second(row.call->start));
        last = std::max(last, ingest::whole_second(row.call->start));
    }
}

void stored_sums::add(std::span<event_row const> rows) noexcept {
    events += rows.size();
    for (auto const& row : rows) {
        cost += row.cost;
        first = std::min(first, ingest::whole_second(row.event->occurred));
        last = std::max(last, ingest::whole_second(row.event->occurred));
    }
}

void batch::clear() noexcept {
    // The vectors keep their memory: a lane fills one batch after the other.
    written_ahead = {};
    calls.clear();
    events.clear();
    usage.clear();
    metrics.clear();
    unique_values.clear();
    balances.clear();
    daily.clear();
    suspense.clear();
    resolved.clear();

    import_id = {};
    required.clear();
    duplicates = 0;
    bytes = 0;
    session = 0;
}

} // namespace tally::storage
