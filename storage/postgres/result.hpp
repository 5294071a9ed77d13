#pragma once

#include <cstdint>
#include <string>

namespace tally::storage {

/// What a failed request to PostgreSQL means for whoever made it.
enum class failure : std::uint8_t {
    none,
    transient,     ///< try again, with backoff: connection lost, deadlock, serialization, restart,
                   ///< read-only, disk full, too many connections
    permanent,     ///< somebody has to act: rights, schema missing or of another version
    bad_data,      ///< a row of the request is refused (SQLSTATE classes 22 and 23)
    duplicate,     ///< unique key of cdrs, or of events: some record is stored already
    stale,         ///< a usage row has another version than expected
    refused,       ///< what some events do is not possible: commit_counts::verdicts says which
    position_lost, ///< a position is not what was expected: another reader, or stored already
    unknown,       ///< the answer to COMMIT was lost: ask whether the batch is there
};

/// Result of a request; cheap when all is well.
struct [[nodiscard]] result {
    failure why = failure::none;
    std::string sqlstate; ///< five characters, or empty
    std::string detail;   ///< for the log: message, and detail and hint when there are any

    [[nodiscard]] bool ok() const noexcept { return why == failure::none; }
};

} // namespace tally::storage
