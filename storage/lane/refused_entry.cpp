#include "storage/lane/refused_entry.hpp"

namespace tally::storage {

namespace {

/// The entry of a row of the batch: row n of the calls is live call n, and the same for events.
template <typename Is>
batch_entry* nth(std::span<batch_entry> entries, std::uint32_t row, Is&& is) {
    for (auto& entry : entries) {
        if (is(entry) && row-- == 0) {
            return &entry;
        }
    }
    return nullptr;
}

// A suspended entry or a duplicate is no row of the COPY, so the server cannot have refused it.
bool is_live(batch_entry const& entry) noexcept {
    return entry.state == entry_state::live;
}

} // namespace

batch_entry* refused_entry(std::span<batch_entry> entries, commit_counts const& counts) {
    // The line of a COPY, as the server's report names it (S12).
    if (counts.refused_call != commit_counts::no_row) {
        return nth(entries, counts.refused_call, [](auto& e) { return e.is_live_call(); });
    }
    if (counts.refused_event != commit_counts::no_row) {
        return nth(entries, counts.refused_event, [](auto& e) { return e.is_live_event(); });
    }
    // A report without a line (a statement before the COPY, another constraint) names the entry
    // only if the batch has no other.
    return entries.size() == 1 ? nth(entries, 0, is_live) : nullptr;
}

} // namespace tally::storage
