#pragma once

#include "storage/suspense/suspense_rows.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// How a daemon tries records again by itself.
struct automatic_attempts {
    ingest::time_us catalog_at = 0; ///< of when the catalog is, by the database's clock
    std::int32_t attempts_max = 0;  ///< of one record; then it is left to people
};

/// Rows that a daemon shall try with its catalog: waiting for something that the catalog cures and
/// not tried with one as new, or for something elsewhere; not before their next_attempt_at. At most
/// `ids_max`. The connection should have due_limits().
result find_due(pq_connection& on, automatic_attempts const& how, std::int32_t ids_max,
                std::vector<ingest::uuid>& out);
pq_connection::limits due_limits();

/// A record that was tried in vain, and why by now.
struct failed_retry {
    ingest::uuid id;
    std::string_view reason; ///< code
    std::string_view detail;
};

/// Writes down attempts; rows that do not wait any more are left alone. Those of a daemon wait
/// before the next one: 15 seconds, then twice as long each time up to a day.
result record_failures(pq_connection& on, std::span<failed_retry const> failures,
                       automatic_attempts const* automatic);

/// How many wait for a reason.
struct waiting_reason {
    std::string reason;
    std::int64_t records = 0;
    ingest::time_us oldest = ingest::never_us; ///< when it was received
};
result waiting_by_reason(pq_connection& on, std::vector<waiting_reason>& out);

/// Makes this session the one that tries again by itself, for as long as it lives; false: another
/// one is.
result take_turn(pq_connection& on, bool& is_ours);

/// Codes of the reasons that may be gone without anybody's touching the record.
std::vector<std::string> curable_reasons();

} // namespace tally::storage
