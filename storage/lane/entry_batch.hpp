#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/lane/call_batch.hpp"
#include "storage/lane/event_batch.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tally::storage {

/// What a batch takes the states of its usage rows from.
enum class states_of : std::uint8_t {
    memory,      ///< where it has them; the commit finds out whether they still hold
    locked_rows, ///< nobody else moves them until the commit, however busy they are
};

/// Turns entries, calls and events alike, into the rows of one transaction: finds each one's
/// billing period, rates them in order of arrival, and adds up usage, balances and daily
/// aggregates. Entries that cannot be rated are suspended. Kept by a lane from batch to batch, for
/// its memory and for what it remembers of usage rows; one thread.
///
///     begin(entries) -> load() what is not remembered -> rate() -> COMMIT -> written(), or
///     forget()
///
/// With locked rows load() begins the transaction, which is the commit's or has to be rolled back.
///
/// A batch keeps the states that it is rated on. What is remembered may go at any time.
class entry_batch {
  public:
    /// About 64 bytes a usage row: a million subscriptions in two periods in 130 MB at worst; about
    /// 100 a metric row, 50 MB at worst.
    explicit entry_batch(std::size_t usage_states_max = 2'000'000,
                         std::size_t metric_states_max = 500'000);

    /// First pass. `entries` stay where they are until the last call for them.
    void begin(std::span<batch_entry> entries, states_of states = states_of::memory);
    /// Reads the usage rows that are not remembered, nothing to do for most batches; or locks and
    /// reads them all. Nothing is locked after a failure.
    result load(batch_writer& from);
    /// Second pass: fills `out` (cleared first, but for its identity and positions).
    void rate(batch& out);
    /// Whether what was rated moves every row that was loaded. Locked rows that were made for this
    /// batch would stay behind empty otherwise.
    [[nodiscard]] bool moves_all() const noexcept;
    /// What was rated last is committed: the rows are now as it made them.
    void written();
    /// Rows that it wanted to move have another version: they are read again the next time.
    void forget() noexcept;

  private:
    [[nodiscard]] bool is_remembering() const noexcept { return states_from_ == states_of::memory; }
    result lock_rows(batch_writer& with);
    result read(batch_writer& from);
    result load_usage(batch_writer& from);
    result load_metrics(batch_writer& from);
    void add_suspended(batch& out) const;

    std::span<batch_entry> entries_;
    states_of states_from_ = states_of::memory;
    usage_cache usage_;
    metric_cache metrics_;
    usage_book book_;
    call_batch calls_;
    event_batch events_;
    std::vector<usage_key> missing_;
    std::vector<std::uint32_t> missing_places_; ///< of them, in book_
    std::vector<usage_delta> locked_;
    std::vector<usage_state> states_;
    std::vector<metric_state> metric_states_;
    std::vector<unique_value_row> counted_;
};

} // namespace tally::storage
