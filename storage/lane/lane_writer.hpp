#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/lane/duplicate_filter.hpp"
#include "storage/lane/entry_batch.hpp"
#include "storage/lane/partition_guard.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// How far a batch takes one stream.
struct stream_mark {
    std::string_view stream;
    std::int64_t end = 0; ///< records of the stream up to here are in this or an earlier batch
};

/// One transaction as it was stored, for counters. The views are valid during the call only.
struct stored_batch {
    batch const& rows;
    std::span<batch_entry const> entries; ///< with the outcome of each in its state
    std::chrono::nanoseconds took{};      ///< from rating to the answer to COMMIT
};

/// Is notified of what a lane does, on the lane's thread.
class lane_observer {
  public:
    lane_observer() = default;
    lane_observer(lane_observer const&) = delete;
    lane_observer& operator=(lane_observer const&) = delete;
    virtual ~lane_observer() = default;

    virtual void stored(stored_batch const& stored) = 0;
    /// An attempt failed and will be repeated. `reason`: "transient", "duplicate", "stale"...
    virtual void retried(std::string_view reason, result const& status) = 0;
};

/// Waits before the next attempt; false: give up, the process is stopping.
using retry_wait = std::function<bool(std::chrono::milliseconds)>;

/// Thrown by lane_writer when a stream's position is lower than what the lane has committed: the
/// database has lost commits (a failover to a standby that was behind, a restore). To continue
/// would lose the records between the two positions (docs/ARCHITECTURE.md, 4.6).
class database_went_back : public std::runtime_error {
  public:
    database_went_back(std::string_view stream, std::int64_t committed, std::int64_t found);
};

/// Stores a lane's entries: drops duplicates, rates, commits, and repeats until every entry is
/// stored, a duplicate, or in suspense. Each failure has its reaction:
///
///     duplicate      look up which keys are stored; drop these entries, suspend conflicts, rate
///                    the rest again. If none is stored: treat as bad data
///     stale          lock and read the usage rows, then rate again: no other session can change
///                    them. Leave out retried records that no longer wait in suspense
///     refused        suspend the events whose effects are not possible; repeat with the rest
///     bad data       suspend the entry that the server named, or halve the batch until one entry
///                    is left. If suspense refuses it too: without its detail and time
///     unknown        ask whether the batch is stored
///     position lost  another reader stored a part: read the position again. If it is lower than
///                    what this lane read or committed before: throw database_went_back
///     transient,     wait with backoff and jitter, then repeat
///     permanent
///
/// The memory of recent keys and usage rows is an optimization; the unique index and the version
/// check decide (docs/ARCHITECTURE.md, R6 and R8). One thread.
class lane_writer {
  public:
    struct options {
        std::int32_t lane = 0;
        std::int32_t lanes = 1;
        ingest::uuid daemon_id;
        std::chrono::milliseconds backoff_first{50};
        std::chrono::milliseconds backoff_max{5000};
        std::size_t usage_states_max = 2'000'000; ///< see entry_batch
        std::size_t metric_states_max = 500'000;  ///< see entry_batch
    };

    lane_writer(batch_writer& writer, options settings, lane_observer& observer, retry_wait wait);

    /// This lane's position in a stream: all its records below are stored. Reads the database the
    /// first time. nullopt: gave up waiting for the database.
    std::optional<std::int64_t> position_of(std::string_view stream);

    /// Stores all entries, in this order, and moves the positions of the streams. Afterwards the
    /// state of each entry is its outcome: live means stored. False: gave up; the outcome of
    /// entries that were not reported to the observer is not known.
    bool store(std::span<batch_entry> entries, std::span<stream_mark const> marks,
               ingest::uuid const& import_id, std::uint64_t bytes);

  private:
    using marks_span = std::span<stream_mark const>;
    enum class step : std::uint8_t { done, again, halve, give_up };

    bool store_range(std::span<batch_entry> entries, marks_span marks);
    bool store_halves(std::span<batch_entry> entries, marks_span marks);
    step load(std::span<batch_entry> entries, marks_span marks);
    step try_once(std::span<batch_entry> entries, marks_span marks);
    step after_failure(result const& status, commit_counts const& counts,
                       std::span<batch_entry> entries, marks_span marks);
    step after_stale(result const& status, std::span<batch_entry> entries);
    step after_duplicate(result const& status, commit_counts const& counts,
                         std::span<batch_entry> entries);
    step after_bad_data(result const& status, commit_counts const& counts,
                        std::span<batch_entry> entries);
    void suspend_refused(std::span<batch_entry> entries, std::span<verdict const> verdicts);
    bool drop_settled(std::span<batch_entry> entries);
    void set_positions(marks_span marks);
    bool reread_positions(marks_span marks);
    void finish(std::span<batch_entry> entries, std::chrono::steady_clock::time_point began);
    bool pause(std::string_view reason, result const& status);
    /// Repeats a request until it succeeds, with a pause after each failure; false: gave up.
    template <typename Request>
    bool retry_until_ok(Request&& request);

    batch_writer& writer_;
    options options_;
    lane_observer& observer_;
    retry_wait wait_;

    entry_batch rows_;
    /// insist() for the parts that make requests themselves.
    std::function<bool(std::function<result()> const&)> retry_{
        [this](auto const& request) { return retry_until_ok(request); }};
    partition_guard partitions_;
    duplicate_filter duplicates_;
    batch out_;
    std::map<std::string, std::int64_t, std::less<>> positions_;
    std::deque<std::string> details_;      ///< refusal texts, which entries view during store()
    states_of states_ = states_of::memory; ///< locked_rows after a batch's first stale attempt
    std::int64_t pauses_in_a_row_ = 0;
    bool looked_in_vain_ = false; ///< the last `duplicate` had no stored record
};

} // namespace tally::storage
