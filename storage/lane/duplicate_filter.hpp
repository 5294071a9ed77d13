#pragma once

#include "storage/batch/batch_store.hpp"
#include "storage/lane/batch_entry.hpp"
#include "storage/lane/recent_keys.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace tally::storage {

/// Finds the entries whose record exists already, earlier in the batch or in the database. The
/// first record of a key is kept; a later one with the same content is a duplicate, one with other
/// content is a conflict and is suspended.
///
/// The memory of recent keys only saves queries; the unique keys decide (docs/ARCHITECTURE.md, R6).
/// One thread.
class duplicate_filter {
  public:
    /// `key_sets`: see recent_keys.
    explicit duplicate_filter(batch_store& store, std::size_t key_sets = recent_keys::sets_default)
        : store_{store}, recent_{key_sets} {}

    /// Compares the entries with each other; keeps the first of each key. Those before `first` were
    /// compared by the call before.
    void drop_repeats(std::span<batch_entry> entries, std::size_t first = 0);
    /// After drop_repeats(): asks the database which entries are stored: about all of them, or only
    /// about those whose key is in the memory.
    result drop_stored(std::span<batch_entry> entries, bool all);
    /// The same; asks about all if the last answers found duplicates. While a sender repeats
    /// everything, that costs a query per batch instead of a failed COPY.
    result drop_stored(std::span<batch_entry> entries) {
        return drop_stored(entries, expect_stored_);
    }
    /// To be called when a unique key found a duplicate that the memory did not know.
    void expect_stored() noexcept { expect_stored_ = true; }
    /// To be called after COMMIT: the live entries are stored now.
    void remember(std::span<batch_entry const> entries);

  private:
    result ask_calls();
    result ask_events();
    void judge(std::span<stored_call const> found);

    batch_store& store_;
    recent_keys recent_;
    boost::unordered_flat_map<std::uint64_t, std::uint32_t> first_of_key_;
    std::vector<batch_entry*> calls_;  ///< to look up
    std::vector<batch_entry*> events_; ///< to look up
    bool expect_stored_ = false;
    bool found_any_ = false;
};

} // namespace tally::storage
