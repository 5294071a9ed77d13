#pragma once

#include "storage/lane/batch_entry.hpp"
#include "storage/lane/usage_totals.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace tally::storage {

/// The calls of one transaction: finds the billing period of each and rates them in order of
/// arrival, on the allowance of the period. A call that cannot be rated is suspended. A lane keeps
/// one object from batch to batch for its memory; one thread.
class call_batch {
  public:
    /// First pass: finds the billing periods that the calls change. `entries` are all of the batch
    /// so far; those from `first` on are new.
    void begin(std::span<batch_entry> entries, std::size_t first, usage_totals& totals);
    /// Second pass, when the states of the periods are known: adds to out.calls and to the sums of
    /// `totals`. The same `first`.
    void rate(std::span<batch_entry> entries, std::size_t first, usage_totals& totals, batch& out);

  private:
    static void rate_one(batch_entry& entry, std::uint32_t index, usage_totals& totals, batch& out);

    std::vector<std::uint32_t>
        periods_; ///< by entry: index in the totals; nowhere: not a live call
};

} // namespace tally::storage
