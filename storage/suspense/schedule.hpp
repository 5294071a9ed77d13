#pragma once

#include "storage/suspense/rows.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// Parameters of a daemon's automatic retries.
struct automatic_attempts {
    ingest::time_us catalog_at = 0; ///< time of the catalog, by the database's clock
    std::int32_t attempts_max = 0;  ///< per record; after them only an operator retries it
};

/// Rows whose next_attempt_at has passed and that a daemon should retry: those that wait for a
/// change of the catalog and were not tried with one as recent as this, and those that wait for
/// something else that may change. At most `ids_max`. The connection should have due_limits().
expected<std::vector<ingest::uuid>>
find_due(pq_connection& connection, automatic_attempts const& options, std::int32_t ids_max);
pq_connection::limits due_limits();

/// A record whose retry failed, with its present reason.
struct failed_retry {
    ingest::uuid id;
    std::string_view reason; ///< code
    std::string_view detail;
};

/// Records failed attempts; rows that no longer wait are left alone. `automatic`: the attempts of a
/// daemon, with a pause before the next one: 15 seconds, then twice as long each time, up to a day.
/// nullptr: those of an operator.
result record_failures(pq_connection& connection, std::span<failed_retry const> failures,
                       automatic_attempts const* automatic);

/// How many records wait for one reason.
struct waiting_reason {
    std::string reason;
    std::int64_t records = 0;
    ingest::time_us oldest = ingest::never_us; ///< when it was received
};
expected<std::vector<waiting_reason>> waiting_by_reason(pq_connection& connection);

/// Makes this session the one that retries automatically, for as long as it lives; false: another
/// session is.
expected<bool> try_become_leader(pq_connection& connection);

/// Codes of the reasons that may disappear without a change of the record.
std::vector<std::string> curable_reasons();

} // namespace tally::storage
