#pragma once

#include "storage/partitions/objects.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tally::storage {

/// What upkeep did to a partition; in a dry run: what it would do.
enum class partition_action : std::uint8_t {
    created,
    sealed,   ///< indexes and foreign keys complete, frozen, analyzed
    released, ///< its foreign keys dropped: partitioned_tables.foreign_keys_for has passed
    detached, ///< by retention
    dropped,  ///< by retention
    failed,   ///< see partition_step::detail; tried again by the next run
};
std::string_view label(partition_action action) noexcept;

struct partition_step {
    partition_name partition;
    partition_action action = partition_action::failed;
    std::string detail;
};

/// Limits of a connection for upkeep: statements may take as long as they need, and a lock that
/// blocks no other session may be waited for.
inline constexpr pq_connection::limits upkeep_limits{.statement_timeout_ms = 0,
                                                     .lock_timeout_ms = 600'000,
                                                     .connect_timeout_ms = 10'000,
                                                     .locks_in_order = false};

/// Seals partitions whose time has passed and retires those past their retention, for all
/// partitioned tables.
///
///     open ──→ sealing ──→ sealed ──→ detached | dropped
///              indexes (CONCURRENTLY), foreign keys (NOT VALID, VALIDATE), VACUUM FREEZE
///
/// Indexes are built and partitions detached concurrently, so no COPY waits for that. Adding and
/// dropping a foreign key, and dropping a table, need a lock that blocks writers; it is waited for
/// at most one second at a time. Every step checks what exists, so an interrupted one is simply
/// repeated. One session at a time: run_job() of storage/admin/maintenance.hpp ensures it.
///
/// One thread; the connection should have upkeep_limits.
class partition_upkeep {
  public:
    struct options {
        std::int64_t seal_after_hours = 72; ///< after a partition's end or creation, the later one
        bool dry_run = false;               ///< report, change nothing
    };
    using observer = std::function<void(partition_step const&)>;

    partition_upkeep(pq_connection& connection, options settings, observer listener);

    /// Does everything that is due at `now`. A partition that fails is reported as a step, and the
    /// others are handled all the same.
    result run(ingest::time_us now);

  private:
    struct due {
        partition_name partition;
        partition_action action;
        bool is_attached; ///< when retiring: still a partition, or its detaching was interrupted
        bool exists;
    };

    expected<std::vector<due>> find_due(ingest::time_us now);
    result handle(due const& one);
    result seal(due const& one);
    result build_indexes(partition_name const& partition);
    result add_foreign_keys(partition_name const& partition);
    result release(due const& one);
    result retire(due const& one);
    result detach(partition_name const& partition);
    result set_state(partition_name const& partition, std::string_view state);
    result with_brief_lock(std::string const& sql);
    [[nodiscard]] bool stops_upkeep(result const& status) const;

    pq_connection& connection_;
    options options_;
    observer observer_;
};

} // namespace tally::storage
