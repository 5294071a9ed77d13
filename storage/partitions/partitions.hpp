#pragma once

#include "ingest/record/cdr.hpp"
#include "storage/partitions/objects.hpp"
#include "storage/partitions/policy.hpp"
#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <algorithm>
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

/// SQLSTATE of ingest.create_partition for a partition that retention has removed.
inline constexpr std::string_view retired_sqlstate = "TL002";

/// Name of the partition of billing.cdrs that holds a day: "cdrs_p20260131".
std::string cdr_partition_name(std::int32_t day);

/// The UTC midnight at which a day begins, as an SQL constant.
std::string midnight_literal(std::int32_t day);

/// Creates the partition of a table ("billing.cdrs") for a moment in UTC ("2026-01-31") if it does
/// not exist. SQLSTATE TL002 if retention has removed it.
expected<partition_name> create_partition(pq_connection& connection, std::string_view table,
                                          std::string_view moment, bool eager_indexes);

/// Daily partitions of billing.cdrs: creates them, and remembers those that exist, so that asking
/// again needs no query. One object per connection. Several at once, of any number of daemons, are
/// safe, and their locks do not block a running COPY (see ingest.create_partition).
class cdr_partitions {
  public:
    explicit cdr_partitions(partition_policy policy) : policy_(policy) {}

    /// Creates the missing partitions of `days`. Days outside the policy's bounds around `today`,
    /// and days whose partition was retired, are returned in `refused` (cleared first). Must not be
    /// called within a transaction.
    result ensure(pq_connection& connection, std::span<std::int32_t const> days, std::int32_t today,
                  std::vector<std::int32_t>& refused);
    /// Whether ensure() needs no request for these days.
    [[nodiscard]] bool knows(std::span<std::int32_t const> days) const noexcept {
        return std::ranges::all_of(days, [this](auto day) { return known_.contains(day); });
    }
    /// To be called when a partition may have been dropped: the next ensure() asks again.
    void forget() noexcept { known_.clear(); }

  private:
    result learn(pq_connection& connection);
    result create(pq_connection& connection, std::int32_t day);

    partition_policy policy_;
    std::set<std::int32_t> known_;
    std::set<std::int32_t> detached_;
};

/// Creates the missing partitions of all partitioned tables for yesterday, today and the next
/// policy.ahead_days days; of monthly tables at least for this month and the next. `made` lists
/// those that were missing and are there now, also after a failure: if one fails, the others are
/// created all the same.
result create_ahead(pq_connection& connection, partition_policy const& policy, ingest::time_us now,
                    std::vector<partition_name>& made);

/// The names of those that create_ahead() would create.
expected<std::vector<partition_name>>
find_missing(pq_connection& connection, partition_policy const& policy, ingest::time_us now);

/// For how many seconds from `now` on every table has partitions without a gap; 0 if a table has
/// none for now.
expected<std::int64_t> horizon(pq_connection& connection, ingest::time_us now);

} // namespace tally::storage
