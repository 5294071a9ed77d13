#pragma once

#include "storage/postgres/command_error.hpp"

#include <string>

namespace tally::storage {

/// Exit codes of `tallyd migrate`.
enum class migrate_exit : int {
    done = 0,
    failed = 1, ///< no connection, unreadable files
    pending = 2,
    changed = 3, ///< edited, missing or out-of-order files, drift, a database that is newer
    lock_busy = 4,
    rolled_back = 5,
    partly_applied = 6,
};

inline command_error migrate_failure(migrate_exit code, std::string const& message) {
    return command_error{message, static_cast<int>(code)};
}

} // namespace tally::storage
