#include "storage/refused_entry.hpp"

namespace tally::storage {

namespace {

template <typename Is>
batch_entry* nth(std::span<batch_entry> entries, std::uint32_t row, Is&& is) noexcept {
    for (auto& entry : entries) {
        if (is(entry) && row-- == 0) {
            return &entry;
        }
    }
    return nullptr;
}

bool is_live(batch_entry const& entry) noexcept {
    return entry.state == entry_state::live;
}

} // namespace

batch_entry* entry_of_event(std::span<batch_entry> entries, std::uint32_t place) noexcept {
    return nth(entries, place, [](auto const& entry) { return entry.is_live_event(); });
}

batch_entry* refused_entry(std::span<batch_entry> entries, commit_counts const& counts) noexcept {
    if (counts.refused_call != commit_counts::no_row) {
        return nth(entries, counts.refused_call,
                   [](auto const& entry) { return entry.is_live_call(); });
    }
    if (counts.refused_event != commit_counts::no_row) {
        return entry_of_event(entries, counts.refused_event);
    }
    return entries.size() == 1 ? nth(entries, 0, is_live) : nullptr;
}

} // namespace tally::storage
