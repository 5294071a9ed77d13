#pragma once

#include "storage/lane/batch_entry.hpp"
#include "storage/lane/usage_totals.hpp"

#include <cstdint>
#include <span>
#include <vector>

namespace tally::storage {

/// The calls of one transaction: finds each one's billing period and rates them, in order of
/// arrival, on their allowances. One that cannot be rated is suspended. Kept by a lane from batch
/// to batch for its memory; one thread.
class call_batch {
  public:
    /// First pass: which billing periods the calls move.
    void begin(std::span<batch_entry> entries, usage_book& book);
    /// Second pass, on the periods' states: fills out.calls and the book's sums.
    void rate(std::span<batch_entry> entries, usage_book& book, batch& out);

  private:
    static void rate_one(batch_entry& entry, std::uint32_t place, usage_book& book, batch& out);

    std::vector<std::uint32_t> periods_; ///< by entry; nowhere: none
};

} // namespace tally::storage
