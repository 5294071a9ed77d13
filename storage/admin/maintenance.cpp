#include "storage/admin/maintenance.hpp"

#include "storage/admin/maintenance_work.hpp"

#include <algorithm>
#include <array>

namespace tally::storage {

namespace {

// In the order in which `tallyd maintain` lists them.
constexpr std::array jobs{
    maintenance_job{"partitions",
                    "make partitions ahead, seal those whose time has passed, retire those past "
                    "their retention",
                    keep_partitions},
    maintenance_job{"rollup", "bring the monthly aggregates up to the daily ones", roll_up_months},
    maintenance_job{"batches",
                    "delete the rows of old batches in ingest.batches, except those of imports",
                    delete_old_batches},
    maintenance_job{"cleanup-tokens",
                    "delete expired entries of the token blacklist, refresh tokens and sessions",
                    clean_up_tokens},
    maintenance_job{"cleanup-sessions", "delete sessions that were not used for 90 days",
                    clean_up_sessions},
    maintenance_job{"expire-subscriptions",
                    "expire trials that are over, and canceled subscriptions whose paid period is",
                    expire_subscriptions},
    maintenance_job{"expiring-trials", "list the trials that end within three days",
                    list_expiring_trials},
};

/// Tries to take the job's advisory lock. The server releases it when the session ends.
result lock_job(pq_connection& connection, maintenance_job const& job, bool& is_ours) {
    parameters values;
    values.add_text(job.name);
    pq_rows rows;
    result status =
        connection.query("SELECT pg_try_advisory_lock(hashtextextended('tallyd maintain ' ||"
                         " $1::text, 0))",
                         values, rows);
    is_ours = status.ok() && bool_at(rows, 0, 0);
    return status;
}

result unlock_job(pq_connection& connection, maintenance_job const& job) {
    parameters values;
    values.add_text(job.name);
    pq_rows rows;
    return connection.query(
        "SELECT pg_advisory_unlock(hashtextextended('tallyd maintain ' || $1::text,"
        " 0))",
        values, rows);
}

/// Calls `work` while this session holds the job's lock; `is_ours` is false if another session
/// does, and `work` was not called.
template <typename Work>
result alone(pq_connection& connection, maintenance_job const& job, bool& is_ours, Work&& work) {
    result status = lock_job(connection, job, is_ours);
    if (!status.ok() || !is_ours) {
        return status;
    }
    pq_connection::pin const one_session{connection}; // a new session would not hold the lock

    // The lock is given back even if the work failed: this session lives on, and its lock with
    // it.
    status = work();
    result const unlocked = connection.is_open() ? unlock_job(connection, job) : result{};
    return status.ok() ? unlocked : status;
}

result find_last_due(pq_connection& connection, maintenance_job const& job, ingest::time_us& due) {
    parameters values;
    values.add_text(job.name);
    pq_rows rows;
    result status = connection.query(
        "SELECT due_at FROM ingest.maintenance_runs WHERE job = $1::text", values, rows);
    due = status.ok() && row_count(rows) == 1 ? time_at(rows, 0, 0, ingest::never_us)
                                              : ingest::never_us;
    return status;
}

result record_run(pq_connection& connection, maintenance_job const& job, ingest::time_us due,
                  ingest::time_us began, std::int64_t changed) {
    parameters values;
    values.add_text(job.name).add_time(due).add_time(began).add_int64(changed);
    pq_rows rows;
    return connection.query(
        "INSERT INTO ingest.maintenance_runs (job, due_at, began_at, finished_at,"
        " rows_changed) VALUES ($1::text, $2::timestamptz, $3::timestamptz,"
        " greatest(clock_timestamp(), $3::timestamptz), $4::bigint)"
        " ON CONFLICT (job) DO UPDATE SET due_at = excluded.due_at, began_at ="
        " excluded.began_at, finished_at = excluded.finished_at, rows_changed ="
        " excluded.rows_changed",
        values, rows);
}

bool has_been_done(ingest::time_us last, ingest::time_us due) noexcept {
    return last != ingest::never_us && last >= due;
}

} // namespace

std::span<maintenance_job const> maintenance_jobs() noexcept {
    return jobs;
}

maintenance_job const* find_maintenance_job(std::string_view name) noexcept {
    auto const found = std::find_if(jobs.begin(), jobs.end(),
                                    [name](auto const& job) { return job.name == name; });
    return found == jobs.end() ? nullptr : &*found;
}

result run_job(pq_connection& connection, maintenance_job const& job,
               maintenance_options const& options, maintenance_report& out) {
    out = {};
    bool is_ours = false;
    result status =
        alone(connection, job, is_ours, [&] { return job.work(connection, options, out); });
    out.is_busy = status.ok() && !is_ours;
    return status;
}

result run_scheduled_job(pq_connection& connection, maintenance_job const& job, ingest::time_us due,
                         maintenance_options const& options, maintenance_report& out,
                         scheduled_outcome& outcome) {
    out = {};
    outcome = scheduled_outcome::done_before;
    // Without the lock first: mostly another daemon has done it, and the answer is cheap.
    ingest::time_us last = ingest::never_us;
    result status = find_last_due(connection, job, last);
    if (!status.ok() || has_been_done(last, due)) {
        return status;
    }

    // Under the lock the record decides. A run that fails is not recorded, so it is tried again.
    bool is_ours = false;
    status = alone(connection, job, is_ours, [&] {
        result done = find_last_due(connection, job, last); // another daemon may have just done it
        if (!done.ok() || has_been_done(last, due)) {
            return done;
        }
        done = job.work(connection, options, out);
        outcome = scheduled_outcome::done;
        return done.ok() ? record_run(connection, job, due, options.now, out.changed) : done;
    });
    if (status.ok() && !is_ours) {
        outcome = scheduled_outcome::busy;
    }
    return status;
}

} // namespace tally::storage
