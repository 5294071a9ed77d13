#pragma once

#include "storage/suspense/suspense_filter.hpp"

#include <string>

namespace tally::daemon {

struct suspense_export {
    storage::suspense_filter which;
    std::string to;      ///< a file, or "-"
    bool is_raw = false; ///< payloads alone, as tallyd import takes them
};

/// Writes suspended records, oldest first, a page of them in memory at a time. A file is there
/// whole or not at all, for its owner only. Gives how many; throws std::runtime_error.
std::int64_t export_suspense(storage::pq_connection& on, suspense_export const& what);

} // namespace tally::daemon
