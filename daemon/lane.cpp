#include "daemon/lane.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <csignal>
#include <unistd.h>

namespace tally::daemon {

namespace {

using clock = std::chrono::steady_clock;

/// How long a lane sleeps at most before it looks whether it was closed.
constexpr std::chrono::milliseconds idle_wait{100};
/// How long a stream's position waits for records to go with: it only saves reading again.
constexpr std::chrono::milliseconds marks_linger{1000};

} // namespace

lane::lane(lane_options how, std::string const& connection_string, storage::lane_observer& observer)
    : how_{how}, queue_{slices_max}, writer_{connection_string,
                                             "tallyd lane " + std::to_string(how.lane),
                                             how.partitions},
      lane_writer_{writer_,
                   {.lane = static_cast<std::int32_t>(how.lane),
                    .lanes = static_cast<std::int32_t>(how.lanes),
                    .daemon_id = how.daemon_id},
                   observer,
                   [this](std::chrono::milliseconds time) { return wait(time); }},
      thread_{[this] { run(); }} {}

lane::~lane() {
    close();
    abandon();
    join();
}

void lane::abandon() noexcept {
    {
        std::lock_guard const lock{stop_mutex_};
        abandoned_ = true;
    }
    stop_.notify_all();
    writer_.cancel();
}

void lane::join() {
    if (thread_.joinable()) {
        thread_.join();
    }
}

bool lane::wait(std::chrono::milliseconds time) {
    std::unique_lock lock{stop_mutex_};
    return !stop_.wait_for(lock, time, [this] { return abandoned_; });
}

void lane::run() noexcept {
    try {
        work();
    } catch (std::exception const& error) {
        // Nothing below throws for bad input or a lost database: this is out of memory or our bug.
        // What was not committed is not acknowledged either, so ending here loses nothing.
        spdlog::critical("event=lane_failed lane={} error=\"{}\"", how_.lane, error.what());
        shares_.clear();
        queue_.close();
        slice left;
        while (queue_.pop(left, std::chrono::milliseconds{0})) {
            left.finish({});
        }
        ::kill(::getpid(), SIGTERM); // main stops the other parts in order
    }
}

void lane::work() {
    while (collect()) {
        store();
    }
    slice left;
    while (queue_.pop(left, std::chrono::milliseconds{0})) {
        left.finish({});
    }
}

// Fills the open batch; false when there is nothing and never will be.
bool lane::collect() {
    slice share;
    while (!queue_.pop(share, idle_wait)) {
        if (queue_.closed() && queue_.size() == 0) {
            return false;
        }
        if (std::lock_guard const lock{stop_mutex_}; abandoned_) {
            return false;
        }
    }
    add(std::move(share));
    auto deadline = clock::now() + (entries_.empty() ? marks_linger : how_.linger_max);
    while (entries_.size() < how_.batch_rows_max) {
        auto const left = queue_.closed() ? clock::duration::zero() : deadline - clock::now();
        auto const wait = std::clamp<clock::duration>(left, clock::duration::zero(), idle_wait);
        if (!queue_.pop(share, std::chrono::duration_cast<std::chrono::microseconds>(wait))) {
            if (wait < idle_wait) {
                break;
            }
            continue;
        }
        bool const had_none = entries_.empty();
        add(std::move(share));
        if (had_none && !entries_.empty()) {
            deadline = std::min(deadline, clock::now() + how_.linger_max);
        }
    }
    return true;
}

void lane::add(slice&& share) {
    auto const& from = share.of();
    auto const& block = from.block();
    auto const owner = static_cast<std::uint32_t>(shares_.size());
    if (!block.stream.empty()) {
        // Records before the position are not dropped here: the catalog may have changed since, and
        // with it the lane that a record is dealt to. Their keys show which are stored.
        if (!lane_writer_.position_of(block.stream)) {
            return; // given up: dropping the share reports it as not durable
        }
        mark(block.stream, static_cast<std::int64_t>(block.stream_end));
    }
    for (auto const place : share.places()) {
        add_entry(from, place, owner);
    }
    bytes_ += block.batch.body.size() / how_.lanes;
    if (share.places().empty()) {
        share.finish({.durable = true}); // only its position is left to be moved, some time
    } else {
        shares_.push_back(std::move(share));
    }
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

void lane::add_entry(routed_block const& from, std::uint32_t place, std::uint32_t owner) {
    auto const& block = from.block();
    auto const& batch = block.batch;
    storage::batch_entry entry;
    entry.catalog = &from.catalog();
    entry.from = block.from.get();
    entry.format = block.in_format->name;
    entry.owner = owner;
    entry.may_be_stored = block.may_be_stored;
    auto const calls = static_cast<std::uint32_t>(batch.cdrs.size());
    auto const events = static_cast<std::uint32_t>(batch.events.size());
    if (place < calls) {
        entry.take(batch.cdrs[place], from.guided_at(place));
    } else if (place < calls + events) {
        entry.take(batch.events[place - calls], from.guided_event_at(place - calls));
    } else {
        auto const& rejected = from.kept_at(place - calls - events);
        entry.raw = rejected.raw;
        entry.suspend(rejected.error, rejected.detail);
    }
    entries_.push_back(entry);
}

void lane::store() {
    bool const stored = lane_writer_.store(entries_, marks_, how_.import_id, bytes_);
    std::vector<ingest::block_outcome> outcomes(shares_.size());
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
    records_waiting_.fetch_sub(entries_.size(), std::memory_order_relaxed);
    entries_.clear();
    marks_.clear();
    stream_names_.clear();
    bytes_ = 0;
    for (std::size_t i = 0; i < shares_.size(); ++i) {
        shares_[i].finish(stored ? outcomes[i] : ingest::block_outcome{});
    }
    shares_.clear();
}

} // namespace tally::daemon
