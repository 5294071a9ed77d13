#include "daemon/pipeline/lane.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace tally::daemon {

namespace {

using clock = std::chrono::steady_clock;

/// How long a lane waits for a slice at most before it checks whether it was closed.
constexpr std::chrono::milliseconds idle_wait{100};
/// How long a position without records waits for a batch to go with. It may be late: a position
/// only saves reading records again.
constexpr std::chrono::milliseconds marks_linger{1000};

} // namespace

lane::lane(lane_options options, std::string const& connection_string,
           storage::lane_observer& observer, failure_report& failures)
    : options_{options}, failures_{failures}, writer_{connection_string,
                                                      "tallyd lane " + std::to_string(options.lane),
                                                      options.partitions},
      lane_writer_{writer_,
                   {.lane = static_cast<std::int32_t>(options.lane),
                    .lanes = static_cast<std::int32_t>(options.lanes),
                    .daemon_id = options.daemon_id},
                   observer,
                   [this](std::chrono::milliseconds time) { return wait(time); }},
      thread_{[this] { run(); }} {}

lane::~lane() {
    close();
    give_up();
    cancel();
    join();
}

void lane::give_up() noexcept {
    {
        std::lock_guard const lock{stop_mutex_};
        given_up_ = true;
    }
    stop_.notify_all();
}

void lane::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool lane::wait(std::chrono::milliseconds time) {
    std::unique_lock lock{stop_mutex_};
    return !stop_.wait_for(lock, time, [this] { return given_up_; });
}

bool lane::has_given_up() {
    std::lock_guard const lock{stop_mutex_};
    return given_up_;
}

void lane::run() noexcept {
    try {
        work();
    } catch (std::exception const& error) {
        // Bad input and a lost database do not throw, so this is a bug or a lack of memory. Records
        // that are not committed stay in the journal: ending here loses nothing.
        failures_.report("lane", "lane " + std::to_string(options_.lane) + ": " + error.what());
    }
    let_go();
}

// Ends with the first batch that could not be stored: a later one would move the stream's position
// past its records (R2).
void lane::work() {
    while (true) {
        switch (collect()) {
        case collected::batch:
            if (!store()) {
                return;
            }
            break;
        case collected::nothing:
        case collected::given_up:
            return;
        }
    }
}

/// Takes nothing more, and reports all slices that are left as not durable.
void lane::let_go() noexcept {
    queue_.close();
    slices_.clear();
    slice left;
    while (queue_.pop(left, std::chrono::milliseconds{0})) {
        left.finish({});
    }
}

// Fills the open batch. `nothing`: the queue is closed and empty, so the thread ends.
lane::collected lane::collect() {
    // The first slice: without one there is no batch, so wait without a deadline.
    slice share;
    while (!queue_.pop(share, idle_wait)) {
        if (queue_.closed() && queue_.is_empty()) {
            return collected::nothing;
        }
        if (has_given_up()) {
            return collected::given_up;
        }
    }
    if (!add(std::move(share))) {
        return collected::given_up;
    }

    // Further slices, until the batch is full or lingered long enough. A slice that is already in
    // the queue is taken even after the deadline: under load batches grow by themselves.
    auto deadline = clock::now() + (entries_.empty() ? marks_linger : options_.linger_max);
    while (entries_.size() < options_.batch_rows_max) {
        // A closed queue gets no more slices, so waiting for one would only delay the drain.
        auto const left = queue_.closed() ? clock::duration::zero() : deadline - clock::now();
        auto const wait = std::clamp<clock::duration>(left, clock::duration::zero(), idle_wait);
        if (!queue_.pop(share, std::chrono::duration_cast<std::chrono::microseconds>(wait))) {
            if (wait < idle_wait) {
                break; // waited up to the deadline
            }
            continue; // waited for one interval of several
        }

        // The first record shortens the deadline: positions alone may linger longer than records.
        bool const had_none = entries_.empty();
        if (!add(std::move(share))) {
            return collected::given_up;
        }
        if (had_none && !entries_.empty()) {
            deadline = std::min(deadline, clock::now() + options_.linger_max);
        }
    }
    return collected::batch;
}

/// Adds a slice to the open batch. False: gave up while it waited for the stream's position.
bool lane::add(slice&& share) {
    auto const& routed = share.of();
    auto const& block = routed.block();
    auto const owner = static_cast<std::uint32_t>(slices_.size());
    if (!block.stream.empty()) {
        // Records before the position are not dropped here. The catalog may have changed since, and
        // a record may now be assigned to another lane than the one that stored it: its key shows
        // whether it is stored.
        if (!lane_writer_.position_of(block.stream)) {
            return false; // destroying the slice reports it as not durable
        }
        mark(block.stream, static_cast<std::int64_t>(block.stream_end));
    }

    for (auto const index : share.places()) {
        add_entry(routed, index, owner);
    }

    // The body belongs to all lanes' slices: count an even part of it.
    bytes_ += block.batch.body.size() / options_.lanes;
    if (share.places().empty()) {
        share.finish({.durable = true}); // it has no records here; its position may move later
    } else {
        slices_.push_back(std::move(share));
    }
    return true;
}

void lane::mark(std::string const& stream, std::int64_t end) {
    auto const known = std::find_if(marks_.begin(), marks_.end(),
                                    [&](auto const& each) { return each.stream == stream; });
    if (known != marks_.end()) {
        known->end = end;
    } else {
        marks_.push_back({stream_names_.emplace_back(stream), end});
    }
}

void lane::add_entry(routed_block const& routed, std::uint32_t index, std::uint32_t owner) {
    auto const& block = routed.block();
    auto const& batch = block.batch;
    storage::batch_entry entry;
    entry.catalog = &routed.catalog();
    entry.source = block.sender.get();
    entry.format = block.in_format->name;
    entry.received = block.received;
    entry.owner = owner;
    entry.may_be_stored = block.may_be_stored;

    // The index counts through calls, events and kept rejected records, in this order.
    auto const calls = static_cast<std::uint32_t>(batch.cdrs.size());
    auto const events = static_cast<std::uint32_t>(batch.events.size());
    if (index < calls) {
        entry.take(batch.cdrs[index], routed.guided_at(index));
    } else if (index < calls + events) {
        entry.take(batch.events[index - calls], routed.guided_event_at(index - calls));
    } else {
        auto const& rejected = routed.kept_at(index - calls - events);
        entry.raw = rejected.raw;
        entry.suspend(rejected.error, rejected.detail);
    }

    entries_.push_back(entry);
}

/// Stores the open batch and reports the outcome to its slices. False: gave up, nothing is stored.
bool lane::store() {
    bool const stored = lane_writer_.store(entries_, marks_, options_.import_id, bytes_);

    // Count what became of the records, per slice.
    std::vector<ingest::block_outcome> outcomes(slices_.size());
    for (auto& outcome : outcomes) {
        outcome.durable = stored;
    }
    for (auto const& entry : entries_) {
        auto& outcome = outcomes[entry.owner];
        switch (entry.state) {
        case storage::entry_state::live:
            ++outcome.committed;
            break;
        case storage::entry_state::duplicate:
            ++outcome.duplicate;
            break;
        case storage::entry_state::suspended:
            ++outcome.suspended;
            break;
        }
    }

    // The entries point into the slices' blocks, so they go before the slices finish: the last
    // slice of a block frees it.
    records_waiting_.fetch_sub(entries_.size(), std::memory_order_relaxed);
    entries_.clear();
    marks_.clear();
    stream_names_.clear();
    bytes_ = 0;

    for (std::size_t i = 0; i < slices_.size(); ++i) {
        slices_[i].finish(stored ? outcomes[i] : ingest::block_outcome{});
    }
    slices_.clear();
    return stored;
}

} // namespace tally::daemon
