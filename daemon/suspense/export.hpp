#pragma once

#include "storage/suspense/filter.hpp"

#include <string>

namespace tally::daemon {

struct suspense_export {
    storage::suspense_filter filter;
    std::string file;    ///< a path, or "-" for standard output
    bool is_raw = false; ///< only the payloads, in the form that tallyd import reads
};

/// Writes suspended records, oldest first, with one page of them in memory at a time. The file
/// appears complete or not at all, and only its owner can read it. Returns the number of records;
/// throws storage::command_error.
std::int64_t export_suspense(storage::pq_connection& connection, suspense_export const& request);

} // namespace tally::daemon
