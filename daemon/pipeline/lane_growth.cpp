#include "daemon/pipeline/lane.hpp"

#include <algorithm>
#include <utility>

// How a lane collects a batch, and writes it ahead while it grows.

namespace tally::daemon {

namespace {

using std::chrono::milliseconds;

/// How long a lane without work sleeps at most before it checks whether it was closed.
constexpr milliseconds idle_wait{100};

} // namespace

/// Takes slices from the queue until the batch is full. A slice that is already in the queue is
/// taken even after the linger time: under load batches grow by themselves.
void lane::fill(clock::time_point now) {
    while (open_->entries.size() < options_.batch_rows_max && !has_piece()) {
        slice share;
        if (!queue_.try_pop(share)) {
            return;
        }
        add(std::move(share), now);
    }
}

/// Whether the open batch is to be stored now (no wait), and otherwise until when not.
lane::turn lane::rest(clock::time_point now) {
    // A closed queue gets no more slices, so waiting for one would only delay the drain.
    bool const is_last = queue_.closed() && queue_.is_empty();
    if (open_->entries.empty()) {
        if (is_last && aside_.empty() && at_once_.empty()) {
            return {.is_over = true};
        }
        bool const has_parts = !aside_.empty() || !at_once_.empty();
        return {.wait = has_parts ? budget_.wait(now) : clock::duration{idle_wait}};
    }

    // A batch waits for more records, because its fixed costs are shared by all of them. It waits
    // no longer than the linger time, because senders may wait for COMMIT.
    auto const left = linger_left(now);
    bool const is_due = is_last || open_->entries.size() >= options_.batch_rows_max ||
                        left <= clock::duration::zero();
    return {.wait = is_due ? clock::duration::zero() : std::min<clock::duration>(left, idle_wait)};
}

growth lane::pace() const {
    return options_.pace ? options_.pace() : growth::as_usual;
}

lane::clock::duration lane::linger_left(clock::time_point now) const {
    if (writer_.entries_ahead() == 0) {
        return opened_at_ + options_.linger_max - now;
    }
    if (!open_->grows) {
        return clock::duration::zero(); // what came last needs another transaction
    }

    // Under load the next slice comes soon, and the counters are written once for a larger batch.
    auto const limit = opened_at_ + options_.grow_max - now;
    switch (pace()) {
    case growth::awaited:
    case growth::short_here:
        return clock::duration::zero();
    case growth::short_elsewhere:
        return limit;
    case growth::as_usual:
        break;
    }
    return std::min(limit, added_at_ + options_.grow_idle_max - now);
}

void lane::add(slice&& share, clock::time_point now) {
    auto const& routed = share.of();
    if (open_->generation != routed.generation()) { // only newer ones come
        writer_.forget_ahead();
        drop(*open_);
        open_->bytes = 0;
        open_->generation = routed.generation();
    }

    // Entries know their slice by its index, which tells later whose outcome they belong to.
    auto const owner = static_cast<std::uint32_t>(open_->slices.size());
    if (open_->entries.empty()) {
        opened_at_ = now;
    }
    for (auto const index : share.indices()) {
        open_->entries.push_back(routed.records().entry(index, owner));
    }

    // The body belongs to all lanes' slices: count an even part of it.
    open_->bytes += routed.block().batch.body.size() / options_.lanes;
    open_->progress.push_back({share.indices().size(), {}});
    open_->slices.push_back(std::move(share));
    records_open_.store(open_->entries.size(), std::memory_order_relaxed);
    added_at_ = now;
}

/// Whether enough entries have come to be written ahead. A lane with suspected sources stores the
/// usual way: their records go aside.
bool lane::has_piece() const noexcept {
    return open_->grows && options_.grow_max.count() > 0 && refused_sources_.is_empty() &&
           aside_.empty() && at_once_.empty() &&
           open_->entries.size() >= writer_.entries_ahead() + options_.piece_rows;
}

void lane::write_ahead() {
    stored_generation_ = open_->generation;
    open_->grows = writer_.write_ahead(open_->entries, options_.import_id) ==
                   storage::lane_writer::ahead::written;
}

/// The open batch, in place of which a new one is opened.
std::shared_ptr<lane::open_batch> lane::close_batch() {
    auto batch = std::exchange(open_, std::make_shared<open_batch>());
    records_open_.store(0, std::memory_order_relaxed);
    // A generation lasts until add() meets a slice of a newer one.
    open_->generation = batch->generation;
    return batch;
}

/// Ends a batch of which a part is written ahead.
bool lane::store_grown(clock::time_point now) {
    stored_generation_ = open_->generation;
    auto const ahead = writer_.entries_ahead() < open_->entries.size()
                           ? writer_.write_ahead(open_->entries, options_.import_id)
                           : storage::lane_writer::ahead::written;
    auto const batch = close_batch();

    // What could not be written ahead is a part of its own, after the first (R7).
    auto const written = ahead == storage::lane_writer::ahead::not_now ? writer_.entries_ahead()
                                                                       : batch->entries.size();
    std::span<storage::batch_entry> const entries{batch->entries};
    batch->parts_left = written < entries.size() ? 2 : 1;
    auto const parts = aside_.size();
    bool goes_on = store({batch, entries.first(written)});
    auto const rest = entries.subspan(written);
    if (aside_.size() > parts || !at_once_.empty()) {
        // The first was refused, and the rest may not overtake what is left of it.
        budget_.spend(now);
        batch->parts_left += rest.empty() ? 0 : put_aside(batch, rest) - 1;
    } else if (goes_on && !rest.empty()) {
        goes_on = store({batch, rest});
    }
    return goes_on;
}

} // namespace tally::daemon
