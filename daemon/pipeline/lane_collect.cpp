#include "daemon/pipeline/lane.hpp"

#include <algorithm>
#include <utility>

// How a lane collects a batch: what comes into it, and how long it waits for more.

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

void lane::add(slice&& share, clock::time_point now) {
    auto const& routed = share.block();
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
    open_->progress.reserve(open_->slices.size() + 1); // both or none of them grow
    open_->slices.push_back(std::move(share));
    open_->progress.push_back({open_->slices.back().indices().size(), {}});
    records_open_.store(open_->entries.size(), std::memory_order_relaxed);
    added_at_ = now;
}

/// Whether the open batch is to be stored now (no wait), and otherwise until when not.
lane::step_result lane::next_wait(clock::time_point now) {
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

lane::clock::duration lane::linger_left(clock::time_point now) const {
    return writer_.entries_ahead() > 0 ? growth_left(now) : opened_at_ + options_.linger_max - now;
}

/// The open batch, in place of which a new one is opened.
std::shared_ptr<lane::open_batch> lane::close_batch() {
    auto batch = std::exchange(open_, std::make_shared<open_batch>());
    records_open_.store(0, std::memory_order_relaxed);
    // A generation lasts until add() meets a slice of a newer one.
    open_->generation = batch->generation;
    return batch;
}

} // namespace tally::daemon
