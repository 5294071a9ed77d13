#include "storage/batch/event_partitions.hpp"

#include "storage/batch/event_tables.hpp"
#include "storage/partitions/partitions.hpp"

namespace tally::storage {

result event_partitions::ensure(pq_connection& connection, std::span<event_day const> days,
                                std::int32_t today, std::vector<event_day>& refused) {
    /// Enough for years of a backfill; bounds the memory.
    constexpr std::size_t known_max = 100'000;
    refused.clear();
    for (auto const& each : days) {
        if (each.day < today - policy_.past_days || each.day > today + policy_.future_days) {
            refused.push_back(each);
            continue;
        }

        std::pair const wanted{table_of(each.kind).partitioned, each.day};
        if (known_.contains(wanted)) {
            continue;
        }

        partition_name made;
        result status = create_partition(connection, wanted.first, civil_text(each.day),
                                         policy_.eager_indexes, made);
        if (status.sqlstate == retired_sqlstate) {
            refused.push_back(each);
            continue;
        }
        if (!status.ok()) {
            return status;
        }

        if (known_.size() >= known_max) {
            known_.clear();
        }
        known_.insert(wanted);
    }
    return {};
}

} // namespace tally::storage
