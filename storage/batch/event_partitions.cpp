#include "storage/batch/event_partitions.hpp"

#include "storage/batch/event_tables.hpp"
#include "storage/partitions/partitions.hpp"

namespace tally::storage {

result event_partitions::ensure(pq_connection& connection, std::span<event_day const> days,
                                std::int32_t today, std::vector<event_day>& refused) {
    /// Enough for years of a backfill; bounds the memory.
    constexpr std::size_t known_max = 100'000;
    refused.clear();

    // Outside the policy's bounds no partition is made: a wrong clock would make thousands.
    for (auto const& each : days) {
        if (each.day < today - policy_.past_days || each.day > today + policy_.future_days) {
            refused.push_back(each);
            continue;
        }

        // Kinds that share a table share its partitions.
        std::pair const wanted{table_of(each.kind).partitioned, each.day};
        if (known_.contains(wanted)) {
            continue;
        }

        // Creating one that exists is no failure, so the server is asked only once for each day and
        // table.
        auto const made =
            create_partition(connection, wanted.first, civil_text(each.day), policy_.eager_indexes);

        // Retention has removed the day: creating it again would bring back data that was deleted
        // on purpose.
        if (made.status().sqlstate == retired_sqlstate) {
            refused.push_back(each);
            continue;
        }
        if (!made.ok()) {
            return made.status();
        }

        // All at once: what is still needed is asked for again, at the price of one query each.
        if (known_.size() >= known_max) {
            known_.clear();
        }
        known_.insert(wanted);
    }
    return {};
}

} // namespace tally::storage
