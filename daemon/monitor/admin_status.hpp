#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::daemon {

struct lane_status {
    std::size_t lane = 0;
    std::uint64_t queue_records = 0;
    std::optional<std::int64_t> last_commit_s = {}; ///< epoch seconds; nullopt: none yet
};

/// A part of the daemon, mostly a thread.
struct part_status {
    std::string part;
    std::string_view state;         ///< see name_of(part_state)
    std::int64_t seconds = 0;       ///< since when it is in this state, or has got this far
    bool is_standing_still = false; ///< it has work and gets no further
    std::string detail = {};        ///< what the database said when it refuses; else empty
};

/// Acknowledged records that neither the journal nor the database has.
struct missing_records {
    std::string stream;             ///< its name in ingest.positions
    std::uint64_t first_record = 0; ///< number within the stream
    std::uint64_t end_record = 0;   ///< exclusive
};

/// The state of the daemon at one moment, as /readyz and /status report it. Filled by the
/// composition root (service.cpp).
struct daemon_status {
    bool draining = false;
    bool database_reached = false;    ///< at least once since the start
    bool database_up = false;         ///< at the last attempt
    std::string database_detail = {}; ///< of the last failure, without passwords; may be empty
    /// Time from now to the end of the last partition; nullopt: not known yet.
    std::optional<std::int64_t> partition_horizon_s = {};
    std::vector<lane_status> lanes = {};
    std::size_t sources = 0;
    std::size_t accounts = 0;
    std::size_t subscriptions = 0;
    std::size_t rate_prefixes = 0;
    std::optional<std::int64_t> catalog_age_s = {}; ///< nullopt: never loaded
    bool sources_cached =
        false; ///< pushes were authorized by an earlier run's sources at the start
    std::size_t http_connections = 0;
    std::size_t tcp_connections = 0;
    bool journal_full = false;
    std::uint64_t journal_bytes = 0;   ///< on disk
    std::int64_t journal_oldest_s = 0; ///< age of the oldest push that is not in the database
    std::size_t commit_waiters = 0;    ///< number of senders that wait for COMMIT
    std::vector<part_status> parts = {};
    std::vector<missing_records> journal_missing = {}; ///< until an operator settles them
};

} // namespace tally::daemon
