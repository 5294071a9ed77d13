#pragma once

#include "ingest/record_error.hpp"
#include "storage/pq_connection.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// A record that waits in ingest.suspense. Owns its bytes.
struct waiting_record {
    ingest::uuid id;
    ingest::record_error reason = ingest::record_error::none;
    ingest::uuid source_id;
    std::string format;
    std::string payload;
};

/// What may have changed since, without the record: accounts, numbers, subscriptions, rates.
std::span<ingest::record_error const> reasons_to_retry() noexcept;

/// How many wait for one of these reasons.
result count_waiting(pq_connection& on, std::span<ingest::record_error const> reasons,
                     std::int64_t& out);

/// The next ones by id, behind `after`; their payloads together are not much more than a megabyte
/// beyond one record.
result next_waiting(pq_connection& on, std::span<ingest::record_error const> reasons,
                    ingest::uuid const& after, std::vector<waiting_record>& out);

/// A record that was tried in vain, and why by now.
struct failed_retry {
    ingest::uuid id;
    ingest::record_error reason = ingest::record_error::none;
    std::string_view detail;
};

/// Writes down attempts; rows that do not wait any more are left alone.
result record_failures(pq_connection& on, std::span<failed_retry const> failures);

} // namespace tally::storage
