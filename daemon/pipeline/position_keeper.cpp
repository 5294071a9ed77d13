#include "daemon/pipeline/position_keeper.hpp"

#include "ingest/base/reversal.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace tally::daemon {

position_keeper::position_keeper(storage::position_store& store, lane_batches lanes,
                                 options settings)
    : store_{store}, lanes_{std::move(lanes)}, options_{settings} {}

void position_keeper::watch(std::vector<std::shared_ptr<kept_position>> streams,
                            std::vector<std::shared_ptr<kept_position>> ended) {
    std::lock_guard const lock{mutex_};
    streams_ = std::move(streams);
    ended_ = std::move(ended);

    // The reader has noticed a loss: these are its new streams, or none yet.
    has_lost_ = false;
}

void position_keeper::end(std::shared_ptr<kept_position> const& stream) {
    std::lock_guard const lock{mutex_};
    if (std::erase(streams_, stream) > 0) {
        ended_.push_back(stream);
    }
}

void position_keeper::unwatch(std::shared_ptr<kept_position> const& stream) {
    std::lock_guard const lock{mutex_};
    std::erase(streams_, stream);
    std::erase(ended_, stream);
}

position_keeper::clock::duration position_keeper::step(clock::time_point now) {
    // Copied, because the requests below must not hold the lock that the feeder needs.
    std::vector<std::shared_ptr<kept_position>> streams;
    std::vector<std::shared_ptr<kept_position>> ended;
    {
        // After a loss nothing is moved until the reader has begun again. It makes the lanes forget
        // their batches, so a position of before would move without the proof that what is below it
        // is in this database (R5).
        std::lock_guard const lock{mutex_};
        if (has_lost_) {
            return options_.write_interval;
        }
        streams = streams_;
        ended = ended_;
    }
    // The batches are asked for after the prefixes, so they include all that these rest on.
    std::vector<std::uint64_t> next;
    for (auto const& kept : streams) {
        next.push_back(kept->prefix.below());
    }
    auto const batches = lanes_.last();

    // Without new records the positions are still asked for: a failover may happen while it is
    // quiet (R5).
    bool const is_check_due = now - checked_at_ >= options_.check_interval;
    for (std::size_t i = 0; i < streams.size(); ++i) {
        if (next[i] == streams[i]->committed && !is_check_due) {
            continue;
        }
        // After a loss the reader may already watch again: these streams are not its any longer.
        switch (write(streams[i], next[i], batches)) {
        case outcome::done:
            break;
        case outcome::failed:
            return options_.retry_interval;
        case outcome::lost:
            return options_.write_interval;
        }
    }
    if (is_check_due) {
        if (auto const checked = check_ended(ended); checked != outcome::done) {
            return checked == outcome::failed ? options_.retry_interval : options_.write_interval;
        }
        checked_at_ = now;
    }

    // Once the positions cover all that the batches stored, they vouch for them.
    bool is_covered = !streams.empty();
    for (std::size_t i = 0; i < streams.size(); ++i) {
        is_covered = is_covered && streams[i]->prefix.is_idle_at(next[i]) &&
                     streams[i]->committed == next[i];
    }
    if (is_covered) {
        lanes_.forget(batches);
    }
    return options_.write_interval;
}

/// Moves one position.
position_keeper::outcome position_keeper::write(std::shared_ptr<kept_position> const& kept,
                                                std::uint64_t next,
                                                std::span<ingest::uuid const> batches) {
    // One statement checks the old position and the batches, and moves it (R5).
    std::uint64_t const committed = kept->committed;
    storage::position_found found;
    auto const status = store_.move({kept->name, committed, next, batches}, found);
    note_answer(kept->name, status);
    if (!status.ok()) {
        return outcome::failed;
    }

    if (is_reversed(reversal::trust_database) && found.has_lost(committed)) {
        found.found = next;
    } else if (found.has_lost(committed)) {
        if (!note_loss(kept)) {
            return outcome::done;
        }
        spdlog::critical("event=database_went_back stream={} committed={} found={} batches_lost={} "
                         "detail=\"a failover to a standby that was behind, or a restore: the "
                         "records from there on are stored again, as far as the journal has "
                         "them\"",
                         kept->name, committed, found.found, found.batches_lost);
        return outcome::lost;
    }

    // A higher position than ours is one that an operator has settled.
    if (found.found > next && !is_reversed(reversal::ignore_settled)) {
        kept->prefix.settle(found.found);
    }
    if (found.found != committed) {
        kept->committed = found.found;
        if (kept->on_committed) {
            kept->on_committed(found.found);
        }
    }
    return outcome::done;
}

/// Logged once per outage, not at every attempt.
void position_keeper::note_answer(std::string_view stream, storage::result const& status) {
    if (status.ok()) {
        is_current_ = true;
    } else if (is_current_.exchange(false)) {
        spdlog::warn("event=position_not_written stream={} detail=\"{}\"", stream, status.detail);
    }
}

/// One request for all streams that have ended.
position_keeper::outcome
position_keeper::check_ended(std::vector<std::shared_ptr<kept_position>> const& ended) {
    if (ended.empty()) {
        return outcome::done;
    }
    std::vector<storage::stream_end> ends;
    for (auto const& kept : ended) {
        ends.push_back({kept->name, kept->committed});
    }
    auto const has_all = store_.has_ends(ends);
    note_answer(ended.front()->name, has_all.status());
    if (!has_all.ok()) {
        return outcome::failed;
    }

    // A stream that was forgotten meanwhile has no position.
    std::lock_guard const lock{mutex_};
    if (*has_all || ended != ended_ || is_reversed(reversal::trust_database)) {
        return outcome::done;
    }
    has_lost_ = true;
    spdlog::critical(
        "event=database_went_back detail=\"a failover to a standby that was behind, or "
        "a restore: it lacks records of a stream that had been stored\"");
    return outcome::lost;
}

/// False: the stream has ended meanwhile; the next check is about its end.
bool position_keeper::note_loss(std::shared_ptr<kept_position> const& kept) {
    std::lock_guard const lock{mutex_};
    if (std::ranges::find(streams_, kept) == streams_.end()) {
        return false;
    }

    has_lost_ = true;
    return true;
}

} // namespace tally::daemon
