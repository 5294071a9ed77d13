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

/// How far one stream has come with the records of a batch.
struct stream_mark {
    std::string_view stream;
    std::int64_t end = 0; ///< records of the stream up to here are in this or an earlier batch
};

/// One transaction as it was stored, for counters; views are good during the call only.
struct stored_batch {
    batch const& rows;
    std::span<batch_entry const> entries; ///< with what became of each
    std::chrono::nanoseconds took{};      ///< from rating to COMMIT's answer
};

/// Told of what a lane does. Called on the lane's thread.
class lane_observer {
  public:
    lane_observer() = default;
    lane_observer(lane_observer const&) = delete;
    lane_observer& operator=(lane_observer const&) = delete;
    virtual ~lane_observer() = default;

    virtual void stored(stored_batch const& what) = 0;
    /// A try failed and is made again: "transient", "duplicate", "stale"...
    virtual void retried(std::string_view reason, result const& why) = 0;
};

/// Waits before the next try; false: give up (stopping for good).
using retry_wait = std::function<bool(std::chrono::milliseconds)>;

/// Thrown by lane_writer when a stream's position is lower than it was: the database is not the one
/// that committed it (a failover to a standby that was behind, a restore). Going on would leave out
/// the records between for good.
class database_went_back : public std::runtime_error {
  public:
    database_went_back(std::string_view stream, std::int64_t committed, std::int64_t found);
};

/// Brings a lane's entries into the database, whatever it takes: drops duplicates, rates, commits,
/// and on a failure does what it calls for.
///
///     duplicate      ask for the stored keys, drop them or suspend conflicts, rate the rest again;
///                    when none is stored: as bad data
///     stale          lock the usage rows, read them, rate again: nobody moves them a second time;
///                    leave out retried records that wait in suspense no more
///     refused        suspend the events that cannot do what they say, try the rest
///     bad data       halve until the one bad record is in suspense and the rest is stored; when
///                    suspense refuses it: once more without words and time of its own
///     unknown        ask whether the batch is there
///     position lost  somebody else stored a part: read the position again. A lower one than was
///                    read or committed before means that the database has lost what it had
///                    stored: database_went_back
///     transient,     wait with backoff and jitter, try again
///     permanent
///
/// The memory of recent keys and usage rows is an optimization; the unique index and the version
/// check are the truth (docs/ARCHITECTURE.md, R6 and R8). One thread.
class lane_writer {
  public:
    struct options {
        std::int32_t lane = 0;
        std::int32_t lanes = 1;
        ingest::uuid daemon_id;
        std::chrono::milliseconds backoff_first{50};
        std::chrono::milliseconds backoff_max{5000};
        std::size_t usage_states_max = 2'000'000; ///< as entry_batch takes it
        std::size_t metric_states_max = 500'000;  ///< likewise
    };

    lane_writer(batch_writer& writer, options how, lane_observer& observer, retry_wait wait);

    /// Where this lane stands in a stream: records before it are stored. Read from the database the
    /// first time. nullopt: given up waiting for the database.
    std::optional<std::int64_t> position_of(std::string_view stream);

    /// Stores all entries, in this order, and moves the streams' positions. Afterwards each entry's
    /// state says what became of it: live means stored. False: given up; nothing may be
    /// concluded of entries that were not reported to the observer.
    bool store(std::span<batch_entry> entries, std::span<stream_mark const> marks,
               ingest::uuid const& import_id, std::uint64_t bytes);

  private:
    using marks_span = std::span<stream_mark const>;
    enum class step : std::uint8_t { done, again, halve, give_up };

    bool store_range(std::span<batch_entry> entries, marks_span marks);
    bool store_halves(std::span<batch_entry> entries, marks_span marks);
    step load(std::span<batch_entry> entries, marks_span marks);
    step try_once(std::span<batch_entry> entries, marks_span marks);
    step after_failure(result const& why, commit_counts const& counts,
                       std::span<batch_entry> entries, marks_span marks);
    step after_stale(result const& why, std::span<batch_entry> entries);
    step after_duplicate(result const& why, commit_counts const& counts,
                         std::span<batch_entry> entries);
    step after_bad_data(result const& why, commit_counts const& counts,
                        std::span<batch_entry> entries);
    void suspend_refused(std::span<batch_entry> entries, std::span<verdict const> verdicts);
    bool drop_settled(std::span<batch_entry> entries);
    void set_positions(marks_span marks);
    bool reread_positions(marks_span marks);
    void finish(std::span<batch_entry> entries, std::chrono::steady_clock::time_point began);
    bool pause(std::string_view reason, result const& why);
    /// Runs a request until it is answered; false: given up.
    template <typename Request>
    bool insist(Request&& request);

    batch_writer& writer_;
    options how_;
    lane_observer& observer_;
    retry_wait wait_;

    entry_batch rows_;
    /// insist() for the parts that ask the database themselves.
    std::function<bool(std::function<result()> const&)> retry_{
        [this](auto const& request) { return insist(request); }};
    partition_guard partitions_;
    duplicate_filter duplicates_;
    batch out_;
    std::map<std::string, std::int64_t, std::less<>> positions_;
    std::deque<std::string> details_;      ///< text of database refusals, kept while store() runs
    states_of states_ = states_of::memory; ///< locked rows from a batch's first stale try on
    std::int64_t pauses_in_a_row_ = 0;
    bool looked_in_vain_ = false; ///< for the stored record that the last try is a duplicate of
};

} // namespace tally::storage
