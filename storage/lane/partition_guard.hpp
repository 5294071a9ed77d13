#pragma once

#include "storage/batch/batch_store.hpp"
#include "storage/lane/batch_entry.hpp"

#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace tally::storage {

/// Creates the partitions that a batch needs, before its transaction begins, and suspends records
/// of a day that cannot have one. One thread.
class partition_guard {
  public:
    /// Repeats a request until it succeeds; false: gave up.
    using retry = std::function<bool(std::function<result()> const&)>;

    explicit partition_guard(batch_store& store) noexcept : store_{store} {}

    enum class outcome : std::uint8_t { none_refused, some_refused, gave_up };

    /// Suspends the live entries (time_out_of_bounds) whose day is outside the policy's bounds, or
    /// is taken by a table that is not one of ours.
    outcome refuse(std::span<batch_entry> entries, retry const& until_answered);

    /// Whether the partitions of all live calls are known to be there: then refuse() needs no
    /// request for them.
    [[nodiscard]] bool knows_call_days(std::span<batch_entry const> entries);

  private:
    bool ensure_call_days(retry const& until_answered);
    bool ask_for(std::span<std::int32_t const> days, retry const& until_answered, bool& is_taken);

    batch_store& store_;
    std::vector<std::int32_t> days_;
    std::vector<std::int32_t> refused_days_;
    std::vector<event_day> event_days_;
    std::vector<event_day> refused_event_days_;
};

} // namespace tally::storage
