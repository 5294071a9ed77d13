#pragma once

#include "storage/batch/batch_store.hpp"
#include "storage/lane/duplicate_filter.hpp"
#include "storage/lane/entry_batch.hpp"
#include "storage/lane/growing_batch.hpp"
#include "storage/lane/partition_guard.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// One transaction as it was stored, for counters. The views are valid during the call only.
struct stored_batch {
    batch const& rows;
    std::span<batch_entry const> entries; ///< with the outcome of each in its state
    /// From rating to the answer to COMMIT; of a batch that grew, without its pieces.
    std::chrono::nanoseconds took{};
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

/// How store() ended.
enum class store_end : std::uint8_t {
    stored,   ///< each entry is stored, a duplicate, or in suspense
    poisoned, ///< nothing is stored, because the database refuses one of the entries: see culprit()
    outdated, ///< nothing is stored: see lane_writer::options::is_outdated
    given_up, ///< the process is stopping; what became of the last attempt is not known
};

/// Stores entries in one transaction: drops duplicates, rates, commits, and repeats until every
/// entry is stored, a duplicate, or in suspense. Each failure has its reaction:
///
///     duplicate      look up which keys are stored; drop these entries, suspend conflicts, rate
///                    the rest again. If none is stored: treat as bad data
///     stale          lock and read the usage rows, then rate again: no other session can change
///                    them. Leave out retried records that no longer wait in suspense
///     bad data       suspend the entry that the server named, and end as `poisoned`: the caller
///                    decides when to go on (isolation.hpp). A single entry that suspense refuses,
///                    too: without its detail and time
///     unknown        ask whether the batch is stored
///     lost           wait until the entries are outdated: their stream is read again
///     transient,     wait with backoff and jitter, then repeat
///     permanent
///
/// A large batch of calls need not wait until it is complete: write_ahead() rates and copies what
/// is there, in the batch's transaction, and store() then writes only the counters and commits. It
/// is an optimistic way (storage/README.md, S15): whatever fails in it is rolled back, and the
/// entries, which the caller has kept, are stored as above.
///
/// The memory of recent keys and usage rows is an optimization; the unique index and the version
/// check decide (docs/ARCHITECTURE.md, R6 and R8). It ends with its session: a new session may be
/// with another server, which may lack what this one had. One thread.
class lane_writer {
  public:
    /// What write_ahead() did.
    enum class ahead : std::uint8_t {
        written, ///< the entries are in the batch's transaction
        not_now, ///< they are not, since they need another way; what was written before still is
        failed,  ///< nothing is written ahead any longer
    };

    struct options {
        std::int32_t lane = 0;
        ingest::uuid daemon_id;
        std::chrono::milliseconds backoff_first{50};
        std::chrono::milliseconds backoff_max{5000};
        /// The batches that the next one must find in the database (batch::required); empty: none.
        std::function<std::vector<ingest::uuid>()> required{};
        /// Whether the entries under way are to be dropped: the database went back, and their
        /// stream is read again. True no later than `required` forgets what they rest on. Empty:
        /// never.
        std::function<bool()> is_outdated{};
        std::size_t usage_states_max = 2'000'000; ///< see entry_batch
        std::size_t metric_states_max = 500'000;  ///< see entry_batch
        std::size_t key_sets = recent_keys::sets_default;
    };

    lane_writer(batch_store& database, options const& settings, lane_observer& observer,
                retry_wait wait);

    /// Writes the calls of a batch that still grows. `entries` are all of the batch so far, at most
    /// 2^32; those that an earlier call has written are skipped. store() must follow with what was
    /// written, or forget_ahead().
    ahead write_ahead(std::span<batch_entry> entries, ingest::uuid const& import_id);
    /// The number of entries that are written ahead.
    [[nodiscard]] std::size_t entries_ahead() const noexcept { return growing_.size(); }
    /// Rolls back what was written ahead.
    void forget_ahead() noexcept { growing_.roll_back(out_); }

    /// Stores all entries, in this order. After `stored` the state of each entry is its outcome:
    /// live means stored.
    store_end store(std::span<batch_entry> entries, ingest::uuid const& import_id,
                    std::uint64_t bytes);

    /// After `poisoned`: the entry that was refused, now suspended; nullptr if the database did not
    /// say which one it was.
    [[nodiscard]] batch_entry const* culprit() const noexcept { return culprit_; }
    /// Frees the texts that suspended entries view: once no entry is left.
    void forget_details() noexcept { details_.clear(); }
    /// The id of the last batch that was committed; nil: none.
    [[nodiscard]] ingest::uuid const& last_batch() const noexcept { return last_batch_; }

  private:
    enum class step : std::uint8_t { done, again, poisoned, outdated, give_up };

    step commit_ahead(std::span<batch_entry> entries);
    void open_batch(ingest::uuid const& import_id);
    step try_once(std::span<batch_entry> entries);
    void forget_other_session();
    void forget_judged(std::span<batch_entry> entries);
    step load(std::span<batch_entry> entries);
    step commit(std::span<batch_entry> entries, std::chrono::steady_clock::time_point began);
    void finish(std::span<batch_entry> entries, std::chrono::steady_clock::time_point began);
    step after_failure(result const& status, commit_counts const& counts,
                       std::span<batch_entry> entries);
    step after_duplicate(result const& status, commit_counts const& counts,
                         std::span<batch_entry> entries);
    step after_stale(result const& status, std::span<batch_entry> entries);
    bool drop_settled(std::span<batch_entry> entries);
    step after_bad_data(result const& status, commit_counts const& counts,
                        std::span<batch_entry> entries);
    step after_unknown(result const& status, std::span<batch_entry> entries);
    bool pause(std::string_view reason, result const& status);
    /// Repeats a request until it succeeds, with a pause after each failure; false: gave up.
    template <typename Request>
    bool retry_until_ok(Request&& request);

    batch_store& database_;
    options options_;
    lane_observer& observer_;
    retry_wait wait_;

    entry_batch rows_;
    /// retry_until_ok() for the parts that make requests themselves.
    std::function<bool(std::function<result()> const&)> retry_{
        [this](auto const& request) { return retry_until_ok(request); }};
    partition_guard partitions_;
    duplicate_filter duplicates_;
    growing_batch growing_;
    batch out_;
    ingest::uuid last_batch_;
    batch_entry const* culprit_ = nullptr;
    std::uint64_t session_ = 0;            ///< whose rows are remembered
    std::deque<std::string> details_;      ///< refusal texts, which suspended entries view
    states_of states_ = states_of::memory; ///< locked_rows after a batch's first stale attempt
    std::int64_t pauses_in_a_row_ = 0;
    bool found_no_duplicate_ = false; ///< the last `duplicate` had no stored record
};

} // namespace tally::storage
