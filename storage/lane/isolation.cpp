#include "storage/lane/isolation.hpp"

#include <algorithm>
#include <functional>

namespace tally::storage {

namespace {

// By id, not by address: entries of two blocks may have two snapshots of one source.
bool is_of_one_source(std::span<batch_entry const> part) noexcept {
    return std::ranges::all_of(part,
                               [&](auto const& e) { return e.source->id == part[0].source->id; });
}

} // namespace

divided_part divide(std::span<batch_entry> part, batch_entry const* culprit) {
    divided_part divided;

    // One source: the named entry is suspended already, so the rest is tried again as it is. If
    // none is named, one half has the bad record, and the other becomes free.
    if (is_of_one_source(part)) {
        if (culprit != nullptr || part.size() == 1) {
            divided.suspect.push_back(part);
        } else {
            divided.suspect.push_back(part.first(part.size() / 2));
            divided.suspect.push_back(part.subspan(part.size() / 2));
        }
        return divided;
    }

    // Several sources: those of which none is suspected are stored at once. If none is named, each
    // source is tried by itself.
    // A stable sort, since records of one account must keep their order of arrival (R7).
    auto const* suspected = culprit == nullptr ? nullptr : culprit->source;
    std::ranges::stable_sort(part, {}, [](auto const& e) { return e.source->id; });
    while (!part.empty()) {
        auto const* source = part.front().source;
        auto const end = std::ranges::find_if(
            part, [source](auto const& e) { return e.source->id != source->id; });
        auto const group = part.first(static_cast<std::size_t>(end - part.begin()));
        bool const is_innocent = suspected == nullptr || source->id != suspected->id;
        (is_innocent ? divided.innocent : divided.suspect).push_back(group);
        part = part.subspan(group.size());
    }
    return divided;
}

void refused_sources::add(std::span<batch_entry const> part, batch_entry const* culprit) {
    auto const& source = culprit != nullptr ? culprit->source->id : part.front().source->id;
    bool const is_known = culprit != nullptr || std::ranges::all_of(part, [&source](auto const& e) {
                              return e.source->id == source;
                          });
    if (is_known && !contains(source)) {
        ids_.push_back(source);
    }
}

} // namespace tally::storage
