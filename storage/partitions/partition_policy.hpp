#pragma once

#include <cstdint>

namespace tally::storage {

/// Which days of calls may have a partition, in days around today (UTC).
struct partition_policy {
    std::int32_t past_days = 7300; ///< oldest that is created for a backfill
    std::int32_t future_days = 2;  ///< latest that a record may ask for
    std::int32_t ahead_days = 7;   ///< created in advance
    bool eager_indexes = false;    ///< build at once what sealing would build

    friend bool operator==(partition_policy const&, partition_policy const&) = default;
};

} // namespace tally::storage
