#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/lane/batch_entry.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tally::storage {

/// Sees to the partitions that a batch needs before its transaction begins, and sets the records
/// aside for whose day there cannot be one. One thread.
class partition_guard {
  public:
    /// Runs a request until it is answered; false: given up.
    using retry = std::function<bool(std::function<result()> const&)>;

    explicit partition_guard(batch_writer& writer) noexcept : writer_{writer} {}

    /// Suspends the live entries (time_out_of_bounds) whose day is outside the policy's bounds or
    /// has another table in its place. `refused` turns true when there is one. False: given up.
    bool refuse(std::span<batch_entry> entries, retry const& until_answered, bool& refused);

  private:
    bool ensure_call_days(retry const& until_answered);
    bool ask_for(std::span<std::int32_t const> days, retry const& until_answered, bool& is_taken);

    batch_writer& writer_;
    std::vector<std::int32_t> days_;
    std::vector<std::int32_t> refused_days_;
    std::vector<event_day> event_days_;
    std::vector<event_day> refused_event_days_;
};

} // namespace tally::storage
