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
expected<bool> lock_job(pq_connection& connection, maintenance_job const& job) {
    parameters values;
    values.add_text(job.name);
    pq_rows rows;
    result status =
        connection.query("SELECT pg_try_advisory_lock(hashtextextended('tallyd maintain ' ||"
                         " $1::text, 0))",
                         values, rows);
    return status.ok() ? expected{bool_at(rows, 0, 0)} : status;
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

/// Calls `work` while this session holds the job's lock; false: another session does, and `work`
/// was not called.
template <typename Work>
expected<bool> alone(pq_connection& connection, maintenance_job const& job, Work&& work) {
    auto const is_ours = lock_job(connection, job);
    if (!is_ours.ok() || !*is_ours) {
        return is_ours;
    }
    pq_connection::pin const one_session{connection}; // a new session would not hold the lock

    // The lock is given back even if the work failed: this session lives on, and its lock with
    // it.
    result status = work();
    result const unlocked = connection.is_open() ? unlock_job(connection, job) : result{};
    status = status.ok() ? unlocked : status;
    return status.ok() ? is_ours : status;
}

/// never_us: the job was never run.
expected<ingest::time_us> find_last_due(pq_connection& connection, maintenance_job const& job) {
    parameters values;
    values.add_text(job.name);
    pq_rows rows;
    result status = connection.query(
        "SELECT due_at FROM ingest.maintenance_runs WHERE job = $1::text", values, rows);
    if (!status.ok()) {
        return status;
    }
    return row_count(rows) == 1 ? time_at(rows, 0, 0, ingest::never_us) : ingest::never_us;
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
    auto const is_ours = alone(connection, job, [&] { return job.work(connection, options, out); });
    out.is_busy = is_ours.ok() && !*is_ours;
    return is_ours.status();
}

expected<scheduled_outcome> run_scheduled_job(pq_connection& connection, maintenance_job const& job,
                                              ingest::time_us due,
                                              maintenance_options const& options,
                                              maintenance_report& out) {
    out = {};
    // Without the lock first: mostly another daemon has done it, and the answer is cheap.
    auto const last = find_last_due(connection, job);
    if (!last.ok()) {
        return last.status();
    }
    if (has_been_done(*last, due)) {
        return scheduled_outcome::done_before;
    }

    // Under the lock the record decides. A run that fails is not recorded, so it is tried again.
    auto outcome = scheduled_outcome::done_before;
    auto const is_ours = alone(connection, job, [&] {
        auto const now = find_last_due(connection, job); // another daemon may have just done it
        if (!now.ok() || has_been_done(*now, due)) {
            return now.status();
        }
        outcome = scheduled_outcome::done;
        result done = job.work(connection, options, out);
        return done.ok() ? record_run(connection, job, due, options.now, out.changed) : done;
    });
    if (!is_ours.ok()) {
        return is_ours.status();
    }
    return *is_ours ? outcome : scheduled_outcome::busy;
}

} // namespace tally::storage
