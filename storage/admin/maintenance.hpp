#pragma once

#include "ingest/record/cdr.hpp"
#include "storage/partitions/partition_policy.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

struct maintenance_options {
    ingest::time_us now = 0;
    bool dry_run = false; ///< report what would be done, change nothing
    partition_policy partitions;
    std::int64_t seal_after_hours = 72;
    std::int64_t batches_kept_days = 7; ///< rows of ingest.batches, at least
};

/// What a job did, or would do, as a small table for people.
struct maintenance_report {
    std::vector<std::string> columns;
    std::vector<std::vector<std::string>> rows;
    std::int64_t changed = 0;  ///< rows, partitions or subscriptions
    std::int64_t failures = 0; ///< of the rows, those that say what could not be done
    bool is_busy = false;      ///< another session is at this job: nothing was done
};

/// Something that has to be done to a database now and then. Harmless to repeat.
struct maintenance_job {
    std::string_view name;
    std::string_view help;
    result (*work)(pq_connection& on, maintenance_options const& how, maintenance_report& out);
};

/// All of them, for the command line and the scheduler. `work` is not called by itself: see
/// run_job and run_scheduled_job.
std::span<maintenance_job const> maintenance_jobs() noexcept;
/// nullptr when there is none of that name.
maintenance_job const* find_maintenance_job(std::string_view name) noexcept;

/// Does a job unless another session is at it. The connection should have upkeep_limits.
result run_job(pq_connection& on, maintenance_job const& job, maintenance_options const& how,
               maintenance_report& out);

/// What became of a job that the clock asked for.
enum class scheduled_outcome : std::uint8_t {
    done,
    done_before, ///< by another daemon, or before a restart
    busy,        ///< another daemon is at it
};

/// Does a job unless its run of `due` has been done by anybody, and writes down that it was.
result run_scheduled_job(pq_connection& on, maintenance_job const& job, ingest::time_us due,
                         maintenance_options const& how, maintenance_report& out,
                         scheduled_outcome& outcome);

} // namespace tally::storage
