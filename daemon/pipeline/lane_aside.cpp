#include "daemon/pipeline/lane.hpp"

#include <algorithm>
#include <iterator>
#include <map>
#include <utility>

// What waits aside: the parts of refused batches, until their bad records are found or given up.

namespace tally::daemon {

/// Appends entries to the line of those aside, a part for each source. Returns the number of parts.
std::size_t lane::put_aside(std::shared_ptr<open_batch> const& batch,
                            std::span<storage::batch_entry> entries) {
    count_divided(*batch);
    std::size_t parts = 0;
    while (!entries.empty()) {
        auto const source = entries.front().source->id;
        auto const end =
            std::stable_partition(entries.begin(), entries.end(), [&source](auto const& entry) {
                return entry.source->id == source;
            });
        auto const length = static_cast<std::size_t>(end - entries.begin());
        aside_.push_back({batch, entries.first(length)});
        entries = entries.subspan(length);
        ++parts;
    }
    return parts;
}

/// One attempt for the oldest part of the line. If it is refused, what it is divided into goes to
/// the end of those aside.
bool lane::store_part_of(std::deque<part>& line, clock::time_point now) {
    auto const next = std::move(line.front());
    line.pop_front();

    // Only an attempt that was refused costs budget: those that store are wanted (R15).
    auto const parts = aside_.size();
    bool const goes_on = store(next);
    if (aside_.size() > parts) {
        budget_.spend(now);
    }
    return goes_on;
}

bool lane::has_part_aside(ingest::uuid const& source) const {
    return std::ranges::any_of(aside_, [&source](part const& each) {
        return !each.batch->slices.empty() && each.entries.front().source->id == source;
    });
}

void lane::set_aside(part const& refused) {
    refused_sources_.add(refused.entries, writer_.culprit());

    // R15: entries of sources that are not suspected go on; the others wait aside.
    //
    //     entries A A B C C, refused because of one of B  →  at once: A A, C C   aside: B
    auto const divided = storage::divide(refused.entries, writer_.culprit());
    count_divided(*refused.batch);
    refused.batch->parts_left += divided.innocent.size() + divided.suspect.size() - 1;
    for (auto const& entries : divided.innocent) {
        // A source that has a part aside will probably have bad records again.
        auto& line = has_part_aside(entries.front().source->id) ? aside_ : at_once_;
        line.push_back({refused.batch, entries});
    }
    for (auto const& entries : divided.suspect) {
        aside_.push_back({refused.batch, entries});
    }
}

/// One attempt for a part aside: of the sources in turn, so that those with few bad records need
/// not wait behind those with many. A part that is stored costs nothing, and no turn.
bool lane::store_next_aside(clock::time_point now) {
    forget_outdated();
    auto const is_next = [this](part const& each) {
        return std::ranges::find(tried_, each.entries.front().source->id) == tried_.end();
    };
    if (std::ranges::none_of(aside_, is_next)) {
        tried_.clear(); // the next round
    }
    if (aside_.empty()) {
        return true;
    }
    auto const source = std::ranges::find_if(aside_, is_next)->entries.front().source->id;
    bring_forward(source);

    auto const parts = aside_.size();
    bool const goes_on = store_part_of(aside_, now);
    if (aside_.size() >= parts) {
        tried_.push_back(source);
    }
    return goes_on;
}

/// Another part of their batch was outdated, and its entries are gone.
void lane::forget_outdated() {
    std::erase_if(aside_, [](part const& each) { return each.batch->slices.empty(); });
}

/// The oldest part aside of this source becomes the first of the line.
void lane::bring_forward(ingest::uuid const& source) {
    auto const found = std::ranges::find_if(
        aside_, [&source](part const& each) { return each.entries.front().source->id == source; });
    std::rotate(aside_.begin(), found, std::next(found));
}

/// The source with most parts aside, of which there must be one.
ingest::uuid lane::most_refused() const {
    std::map<ingest::uuid, std::size_t> parts;
    for (auto const& each : aside_) {
        ++parts[each.entries.front().source->id];
    }
    return std::ranges::max_element(parts, {}, [](auto const& each) { return each.second; })->first;
}

/// A batch that is divided may wait for long, and with it the credit of its blocks.
void lane::count_divided(open_batch& batch) {
    if (std::exchange(batch.is_divided, true)) {
        return;
    }
    for (auto const& share : batch.slices) {
        if (!share.is_empty()) {
            ++divided_.blocks;
            divided_.bytes += share.block().block().admitted_bytes;
        }
    }
}

/// To be called before the slice ends.
void lane::forget_divided(open_batch const& batch, slice const& share) noexcept {
    if (batch.is_divided && !share.is_empty()) {
        --divided_.blocks;
        divided_.bytes -= share.block().block().admitted_bytes;
    }
}

// One block is never too many: however large it is, its size does not grow.
bool lane::is_crowded() const noexcept {
    return divided_.blocks > 1 && divided_.bytes > options_.aside_bytes_max;
}

/// Puts parts aside into suspense as they are, when more bad records come than the budget lets the
/// lane find: they would take the credit of all other sources (R15). The oldest of the source with
/// most parts goes first. False: gave up.
bool lane::relieve(clock::time_point now) {
    forget_outdated();
    while (!aside_.empty() && is_crowded() && !budget_.allows(now) && relief_budget_.allows(now)) {
        bring_forward(most_refused());
        auto const next = std::move(aside_.front());
        aside_.pop_front();

        // The good ones among them are found by the retry of suspense, within a budget of its own.
        constexpr auto cause = ingest::record_error::refused_together;
        for (auto& entry : next.entries) {
            if (entry.state == storage::entry_state::live) {
                entry.suspend(cause, ingest::explain(cause));
            }
        }

        auto const parts = aside_.size();
        bool const goes_on = store(next);
        if (aside_.size() > parts) {
            relief_budget_.spend(now);
        }
        if (!goes_on) {
            return false;
        }
        forget_outdated();
    }
    return true;
}

} // namespace tally::daemon
