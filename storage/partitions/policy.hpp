#pragma once

#include <cstdint>

namespace tally::storage {

/// Which days of calls may have a partition, in days around today (UTC).
struct partition_policy {
    std::int32_t past_days = 7300; ///< oldest day that is created for a backfill
    std::int32_t future_days = 2;  ///< latest day that a record may have
    std::int32_t ahead_days = 7;   ///< days that are created in advance
    bool eager_indexes = false;    ///< build the indexes at creation instead of at sealing

    friend bool operator==(partition_policy const&, partition_policy const&) = default;
};

} // namespace tally::storage
