#pragma once

#include "storage/batch_writer.hpp"
#include "storage/call_batch.hpp"
#include "storage/event_batch.hpp"

#include <span>
#include <vector>

namespace tally::storage {

/// Turns entries, calls and events alike, into the rows of one transaction: finds each one's
/// billing period, rates them in order of arrival, and adds up usage, balances and daily
/// aggregates. Entries that cannot be rated are suspended. Kept by a lane from batch to batch, for
/// its memory and for what it remembers of usage rows; one thread.
///
///     begin(entries) -> load() what is not remembered -> rate() -> COMMIT -> written(), or
///     forget()
class entry_batch {
  public:
    /// First pass. `entries` stay where they are until the last call for them.
    void begin(std::span<batch_entry> entries);
    /// Reads the usage rows that are not remembered; nothing to do for most batches.
    result load(batch_writer& from);
    /// Second pass: fills `out` (cleared first, but for its identity and positions).
    void rate(batch& out);
    /// `stored` is committed: the rows are now as it made them.
    void written(batch const& stored);
    /// Rows that `tried` wanted to move have another version: they are read again the next time.
    void forget(batch const& tried);

  private:
    void add_suspended(batch& out) const;

    std::span<batch_entry> entries_;
    usage_cache usage_;
    metric_cache metrics_;
    usage_book book_;
    call_batch calls_;
    event_batch events_;
    std::vector<usage_key> missing_;
    std::vector<usage_state> states_;
    std::vector<metric_state> metric_states_;
    std::vector<unique_value_row> counted_;
};

} // namespace tally::storage
