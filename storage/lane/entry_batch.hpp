#pragma once

#include "storage/batch/batch_store.hpp"
#include "storage/lane/call_batch.hpp"
#include "storage/lane/event_batch.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tally::storage {

/// Where a batch takes the states of its usage rows from.
enum class states_of : std::uint8_t {
    memory,      ///< remembered, as far as they are; the commit checks their versions
    locked_rows, ///< read under a lock: no other session can change them before the commit
};

/// Turns entries (calls and events) into the rows of one transaction: finds the billing period of
/// each, rates them in order of arrival, and sums up usage, balances and daily aggregates. Entries
/// that cannot be rated are suspended. A lane keeps one object from batch to batch, for its memory
/// and for the usage rows that it remembers; one thread.
///
///     begin(entries)
///     load()                 reads the rows that are not remembered
///     rate(out)
///     COMMIT                 by batch_writer
///     written() or forget()  after success; after stale
///
/// With states_of::locked_rows load() begins the transaction, which the caller commits or rolls
/// back.
///
/// A batch copies the states that it is rated on: the memory may forget them at any time.
class entry_batch {
  public:
    /// About 64 bytes per usage row: a million subscriptions in two periods take 130 MB at most.
    /// About 100 bytes per metric row: 50 MB at most.
    explicit entry_batch(std::size_t usage_states_max = 2'000'000,
                         std::size_t metric_states_max = 500'000);

    /// First pass. `entries` must stay valid until the last call for them.
    void begin(std::span<batch_entry> entries, states_of states = states_of::memory);
    /// Reads the usage rows that are not remembered (most batches have none), or locks and reads
    /// all of them. Nothing is locked after a failure.
    result load(batch_store& store);
    /// Second pass: fills `out`. Its identity and its positions are kept, the rest is replaced.
    void rate(batch& out);

    /// The same in pieces, for a batch of calls that grows (growing_batch): begin({}) and start(),
    /// then for each piece take(), load() and rate_taken(), at the end finish(). `entries` are all
    /// so far, those from `first` on are new; only calls may be live among them.
    void start(batch& out);
    void take(std::span<batch_entry> entries, std::size_t first);
    /// Adds the calls to out.calls, which the caller may empty between two pieces.
    void rate_taken(batch& out);
    void finish(batch& out);
    /// Whether the rated entries change every row that was loaded. If not, locked rows that were
    /// created for this batch would stay in the table with nothing used.
    [[nodiscard]] bool moves_all() const noexcept;
    /// To be called after COMMIT: remembers the rows as the batch left them.
    void written();
    /// To be called after `stale`: the rows are read again the next time.
    void forget() noexcept;
    /// To be called in a new session: all rows are read again.
    void forget_all() noexcept;

  private:
    [[nodiscard]] bool is_remembering() const noexcept { return states_from_ == states_of::memory; }
    result lock_rows(batch_store& store);
    result read(batch_store& store);
    result load_usage(batch_store& store);
    result load_metrics(batch_store& store);
    void find_missing();
    void add_suspended(batch& out) const;

    std::span<batch_entry> entries_;
    std::size_t first_taken_ = 0;   ///< entry with which the latest piece begins
    std::size_t periods_taken_ = 0; ///< the number of periods before that piece
    states_of states_from_ = states_of::memory;
    usage_cache usage_;
    metric_cache metrics_;
    usage_totals totals_;
    call_batch calls_;
    event_batch events_;
    std::vector<usage_key> missing_;
    std::vector<std::uint32_t> missing_indices_; ///< their indices in totals_
    std::vector<usage_delta> locked_;
    std::vector<usage_state> states_;
    std::vector<metric_state> metric_states_;
    std::vector<unique_value_row> counted_;
};

} // namespace tally::storage
