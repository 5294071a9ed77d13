#include "daemon/pipeline/position_keeper.hpp"

#include "ingest/base/reversal.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace tally::daemon {

position_keeper::position_keeper(storage::position_store& store, lane_batches lanes,
                                 options settings)
    : store_{store}, lanes_{std::move(lanes)}, options_{settings} {}

void position_keeper::watch(std::vector<std::shared_ptr<kept_position>> streams) {
    std::lock_guard const lock{mutex_};
    streams_ = std::move(streams);
    has_lost_ = false;
}

void position_keeper::unwatch(std::shared_ptr<kept_position> const& stream) {
    std::lock_guard const lock{mutex_};
    std::erase(streams_, stream);
}

position_keeper::clock::duration position_keeper::step(clock::time_point now) {
    std::vector<std::shared_ptr<kept_position>> streams;
    {
        std::lock_guard const lock{mutex_};
        streams = streams_;
    }
    // The batches are asked for after the prefixes, so they include all that these rest on.
    std::vector<std::uint64_t> next;
    for (auto const& kept : streams) {
        next.push_back(kept->prefix.below());
    }
    auto const batches = lanes_.last();

    bool const is_check_due = now - checked_at_ >= options_.check_interval;
    for (std::size_t i = 0; i < streams.size() && !has_lost_; ++i) {
        if (next[i] == streams[i]->committed && !is_check_due) {
            continue;
        }
        if (auto const wait = write(*streams[i], next[i], batches);
            wait > clock::duration::zero()) {
            return wait;
        }
    }
    if (is_check_due) {
        checked_at_ = now;
    }

    // Once the positions cover all that the batches stored, they vouch for them.
    bool is_covered = !has_lost_ && !streams.empty();
    for (std::size_t i = 0; i < streams.size(); ++i) {
        is_covered = is_covered && streams[i]->prefix.is_idle_at(next[i]) &&
                     streams[i]->committed == next[i];
    }
    if (is_covered) {
        lanes_.forget(batches);
    }
    return options_.write_interval;
}

/// Moves one position. Returns how long to wait before the next request.
position_keeper::clock::duration position_keeper::write(kept_position& kept, std::uint64_t next,
                                                        std::span<ingest::uuid const> batches) {
    std::uint64_t const committed = kept.committed;
    storage::position_found outcome;
    auto const status = store_.move({kept.name, committed, next, batches}, outcome);
    if (!status.ok()) {
        if (is_current_.exchange(false)) {
            spdlog::warn("event=position_not_written stream={} detail=\"{}\"", kept.name,
                         status.detail);
        }
        return options_.retry_interval;
    }
    is_current_ = true;

    if (is_reversed(reversal::trust_database) && outcome.has_lost(committed)) {
        outcome.found = next;
    } else if (outcome.has_lost(committed)) {
        spdlog::critical("event=database_went_back stream={} committed={} found={} batches_lost={} "
                         "detail=\"a failover to a standby that was behind, or a restore: the "
                         "records from there on are stored again out of the journal\"",
                         kept.name, committed, outcome.found, outcome.batches_lost);
        has_lost_ = true;
        return clock::duration::zero();
    }

    // A higher position than ours is one that an operator has settled.
    if (outcome.found > next) {
        kept.prefix.settle(outcome.found);
    }
    if (outcome.found != committed) {
        kept.committed = outcome.found;
        if (kept.on_committed) {
            kept.on_committed(outcome.found);
        }
    }
    return clock::duration::zero();
}

} // namespace tally::daemon
