#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/lane/batch_entry.hpp"
#include "storage/lane/recent_keys.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>
#include <span>
#include <vector>

namespace tally::storage {

/// Finds the entries whose record is there already: earlier in the batch, or in the database. The
/// first one is kept; one that says something else is a conflict and suspended.
///
/// What it remembers of recent keys only saves questions; the unique keys are the truth
/// (docs/ARCHITECTURE.md, R6). One thread.
class duplicate_filter {
  public:
    explicit duplicate_filter(batch_writer& writer) : writer_{writer} {}

    /// Of entries with one key the first is kept.
    void drop_repeats(std::span<batch_entry> entries);
    /// Asks which of the entries are stored: all of them, or those that the memory suspects.
    result drop_stored(std::span<batch_entry> entries, bool all);
    /// As the last answers make likely: while somebody sends everything again, keys are asked for
    /// before COPY instead of after its failure.
    result drop_stored(std::span<batch_entry> entries) {
        return drop_stored(entries, expect_stored_);
    }
    /// Only the unique key knew of a duplicate.
    void expect_stored() noexcept { expect_stored_ = true; }
    /// The live ones are stored now.
    void remember(std::span<batch_entry const> entries);

  private:
    result ask_calls();
    result ask_events();
    void judge(std::span<stored_call const> found);

    batch_writer& writer_;
    recent_keys recent_;
    boost::unordered_flat_map<std::uint64_t, std::uint32_t> first_of_key_;
    std::vector<batch_entry*> calls_;  ///< asked for
    std::vector<batch_entry*> events_; ///< likewise
    bool expect_stored_ = false;
    bool found_any_ = false;
};

} // namespace tally::storage
