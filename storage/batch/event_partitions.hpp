#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/partitions/policy.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <set>
#include <span>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::storage {

/// The partitions that hold events: creates missing ones and remembers those that exist. One object
/// per connection; several at once are safe (see ingest.create_partition).
class event_partitions {
  public:
    explicit event_partitions(partition_policy policy) : policy_(policy) {}

    /// Days outside the policy's bounds around `today`, and days whose partition was retired, are
    /// returned in `refused` (cleared first). Must not be called within a transaction.
    result ensure(pq_connection& connection, std::span<event_day const> days, std::int32_t today,
                  std::vector<event_day>& refused);
    /// To be called when a partition may have been dropped: the next ensure() asks again.
    void forget() noexcept { known_.clear(); }

  private:
    partition_policy policy_;
    std::set<std::pair<std::string_view, std::int32_t>> known_; ///< table, day
};

} // namespace tally::storage
