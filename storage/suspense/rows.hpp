#pragma once

#include "storage/postgres/result.hpp"
#include "storage/suspense/filter.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tally::storage {

/// One row of ingest.suspense. Owns its bytes.
struct suspense_record {
    ingest::uuid id;
    std::string reason;
    std::string detail;
    ingest::uuid source_id;
    std::string source; ///< its name; its id if the source was deleted
    std::string format;
    std::string state;
    std::int32_t attempts = 1;
    std::int32_t auto_attempts = 0;
    ingest::time_us received_at = 0;
    ingest::time_us next_attempt_at = ingest::never_us;
    ingest::time_us resolved_at = ingest::never_us;
    std::string resolved_by;
    std::string resolution;
    std::int64_t payload_bytes = 0;
    std::string payload; ///< empty in lists
};

/// The rows of one state, reason, source and format, summed up.
struct suspense_group {
    std::string state;
    std::string reason;
    std::string source;
    std::string format;
    std::int64_t records = 0;
    std::int64_t bytes = 0;
    ingest::time_us oldest = ingest::never_us;
    ingest::time_us newest = ingest::never_us;
};

/// Groups, those with the most rows first.
expected<std::vector<suspense_group>> summarize_suspense(pq_connection& connection,
                                                         suspense_filter const& filter);

expected<std::int64_t> count_suspense(pq_connection& connection, suspense_filter const& filter);

/// Rows, the latest first, without payloads.
expected<std::vector<suspense_record>>
list_suspense(pq_connection& connection, suspense_filter const& filter, std::int32_t limit);

/// The next rows by id, after `after`, with payloads. Together the payloads have about a megabyte
/// at most, plus one record. `out` is replaced: a caller reads page by page into one buffer.
result next_suspense(pq_connection& connection, suspense_filter const& filter,
                     ingest::uuid const& after, std::vector<suspense_record>& out);

/// The row whose id begins with `prefix` (hex digits and dashes), with payload; two rows if there
/// are several. bad_data if `prefix` cannot begin an id.
expected<std::vector<suspense_record>> find_suspense(pq_connection& connection,
                                                     std::string_view prefix);

/// Who closes rows, and why.
struct suspense_verdict {
    std::string author;
    std::string reason;
};

/// Discards the waiting rows that the filter selects, a few thousand per transaction. `out` counts
/// them, also those before a failure.
result discard_suspense(pq_connection& connection, suspense_filter filter,
                        suspense_verdict const& verdict, std::int64_t& out);

/// The opposite of discarding: the rows wait again.
result restore_suspense(pq_connection& connection, suspense_filter filter, std::int64_t& out);

} // namespace tally::storage
