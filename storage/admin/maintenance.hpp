#pragma once

#include "ingest/record/cdr.hpp"
#include "storage/partitions/policy.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

struct maintenance_options {
    ingest::time_us now = 0;
    bool dry_run = false; ///< report what would be done and change nothing
    partition_policy partitions;
    std::int64_t seal_after_hours = 72;
    std::int64_t batches_kept_days = 7; ///< minimum age of rows of ingest.batches to delete
};

/// What a job did (in a dry run: would do), as a small table for the operator. After a failure it
/// has what was done before.
struct maintenance_report {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
    std::int64_t changed = 0;  ///< rows, partitions or subscriptions
    std::int64_t failures = 0; ///< number of rows that report a failure
    bool is_busy = false;      ///< another session runs this job: nothing was done
};

/// Periodic work on a database. A job may be repeated at any time.
struct maintenance_job {
    std::string_view name;
    std::string_view help;
    result (*work)(pq_connection& link, maintenance_options const& settings,
                   maintenance_report& out);
};

/// All jobs, for the command line and the scheduler. Call them by run_job() or
/// run_scheduled_job(), not by `work`.
std::span<maintenance_job const> maintenance_jobs() noexcept;
/// nullptr if there is no job of that name.
maintenance_job const* find_maintenance_job(std::string_view name) noexcept;

/// Runs a job unless another session runs it. The connection should have upkeep_limits.
result run_job(pq_connection& link, maintenance_job const& job, maintenance_options const& settings,
               maintenance_report& out);

/// The outcome of a scheduled run.
enum class scheduled_outcome : std::uint8_t {
    done,
    done_before, ///< by another daemon, or before a restart
    busy,        ///< another daemon is running it
};

/// Runs a job unless its run of `due` is recorded as done, by any daemon, and records it.
expected<scheduled_outcome> run_scheduled_job(pq_connection& link, maintenance_job const& job,
                                              ingest::time_us due,
                                              maintenance_options const& settings,
                                              maintenance_report& out);

} // namespace tally::storage
