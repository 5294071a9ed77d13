#pragma once

#include "ingest/record/cdr.hpp"
#include "storage/partitions/partition_objects.hpp"
#include "storage/partitions/partition_policy.hpp"
#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <cstdint>
#include <set>
#include <span>
#include <string>
#include <vector>

namespace tally::storage {

/// The UTC day of a moment, in days since 1970.
constexpr std::int32_t day_of(ingest::time_us t) noexcept {
    constexpr std::int64_t us_per_day = 86'400 * ingest::us_per_s;
    return static_cast<std::int32_t>(t / us_per_day - (t % us_per_day < 0 ? 1 : 0));
}

/// "2026-01-31"
std::string civil_text(std::int32_t day);

/// ingest.create_partition refuses to bring back what retention has taken away.
inline constexpr std::string_view retired_sqlstate = "TL002";

/// Name of the partition of billing.cdrs that holds a day: "cdrs_p20260131".
std::string cdr_partition_name(std::int32_t day);

/// The UTC midnight that a day begins with, as a constant of SQL.
std::string midnight_literal(std::int32_t day);

/// Makes the partition of a table ("billing.cdrs") that holds a moment in UTC ("2026-01-31"),
/// unless it is there. SQLSTATE TL002 when retention has taken it away.
result create_partition(pq_connection& on, std::string_view table, std::string_view moment,
                        bool eager_indexes, partition_name& made);

/// Daily partitions of billing.cdrs: makes them, and remembers those that exist so that asking
/// again costs nothing. One per connection; several at once, of any number of daemons, are safe,
/// and no lock that they take stops a running COPY (see ingest.create_partition).
class cdr_partitions {
  public:
    explicit cdr_partitions(partition_policy policy) : policy_(policy) {}

    /// Makes what is missing of `days`. Days out of the policy's bounds around `today`, and days
    /// whose partition was retired, are given back in `refused` (cleared first). Must not be
    /// called within a transaction.
    result ensure(pq_connection& on, std::span<std::int32_t const> days, std::int32_t today,
                  std::vector<std::int32_t>& refused);
    /// A partition that was there may be gone: look again.
    void forget() noexcept { known_.clear(); }

  private:
    result learn(pq_connection& on);
    result create(pq_connection& on, std::int32_t day);

    partition_policy policy_;
    std::set<std::int32_t> known_;
    std::set<std::int32_t> detached_;
};

/// Makes the partitions of all partitioned tables for yesterday, today and policy.ahead_days after
/// it, by month at least this one and the next; says which were missing. One that cannot be made
/// does not keep the others from it.
result create_ahead(pq_connection& on, partition_policy const& policy, ingest::time_us now,
                    std::vector<partition_name>& made);

/// Those that create_ahead would make, by the names they would get.
result find_missing(pq_connection& on, partition_policy const& policy, ingest::time_us now,
                    std::vector<partition_name>& out);

/// How many seconds from `now` on are covered by partitions without a gap, in the table where that
/// is least; 0 when one has none for now.
result horizon(pq_connection& on, ingest::time_us now, std::int64_t& seconds);

} // namespace tally::storage
