#include "storage/admin/maintenance_work.hpp"

#include "storage/partitions/partitions.hpp"
#include "storage/partitions/upkeep.hpp"

namespace tally::storage {

namespace {

/// Rows per transaction, which takes some milliseconds.
constexpr std::string_view batch_rows = "5000";
// A deadlock ends one of two sessions; the repetition usually meets no one.
constexpr int attempts_max = 5;

/// Rows of a table that a job changes. `$1` is the `now` of the job.
struct due_rows {
    std::string_view title;
    std::string_view table;
    std::string_view condition;
    std::string_view change; ///< SET list; empty: the rows are deleted
};

std::string count_sql(due_rows const& item) {
    return std::string{"SELECT count(*) FROM "}.append(item.table) + " AS t WHERE " +
           std::string{item.condition};
}

// SKIP LOCKED: rows that another session holds are left for the next run. NO KEY: a batch that
// stores a call references its subscription, and neither must wait for the other.
std::string change_sql(due_rows const& item) {
    std::string const due = std::string{"SELECT t.id FROM "}.append(item.table) + " AS t WHERE " +
                            std::string{item.condition} + " ORDER BY t.id LIMIT " +
                            std::string{batch_rows};
    if (item.change.empty()) {
        return "DELETE FROM " + std::string{item.table} + " AS d WHERE d.id = ANY (ARRAY(" + due +
               " FOR UPDATE SKIP LOCKED))";
    }
    return "UPDATE " + std::string{item.table} + " AS u SET " + std::string{item.change} +
           " WHERE u.id = ANY (ARRAY(" + due + " FOR NO KEY UPDATE SKIP LOCKED))";
}

bool is_worth_repeating(result const& status, pq_connection const& connection) {
    return status.reason == failure::transient && connection.is_open() &&
           !connection.is_cancelled();
}

/// Returns the number of rows that it has changed.
expected<std::int64_t> change_batch(pq_connection& connection, std::string const& sql,
                                    ingest::time_us now) {
    result status;
    for (int attempt = 0; attempt < attempts_max; ++attempt) {
        parameters values;
        values.add_time(now);
        pq_rows rows;
        status = connection.query(sql, values, rows);
        if (status.ok()) {
            return affected(rows);
        }
        if (!is_worth_repeating(status, connection)) { // a deadlock with an application is
            break;
        }
    }
    return status;
}

expected<std::int64_t> count_due(pq_connection& connection, due_rows const& item,
                                 ingest::time_us now) {
    parameters values;
    values.add_time(now);
    pq_rows rows;
    result status = connection.query(count_sql(item), values, rows);
    return status.ok() ? expected{int64_at(rows, 0, 0)} : status;
}

/// Adds to `count` the rows that were changed, also those before a failure.
result change_due(pq_connection& connection, due_rows const& item, ingest::time_us now,
                  std::int64_t& count) {
    std::string const sql = change_sql(item);
    // One transaction for each batch of rows, so that no lock is held for long.
    for (;;) {
        auto const changed = change_batch(connection, sql, now);
        if (!changed.ok() || *changed == 0) {
            return changed.status();
        }
        count += *changed;
    }
}

result handle_due(pq_connection& connection, std::span<due_rows const> all,
                  maintenance_options const& options, maintenance_report& out) {
    // After a failure the rest is left for the next run.
    out.columns = {"what", "rows"};
    result status;
    for (due_rows const& item : all) {
        if (!status.ok()) {
            break;
        }

        std::int64_t count = 0;
        if (options.dry_run) {
            auto const found = count_due(connection, item, options.now);
            status = found.status();
            count = found.ok() ? *found : 0;
        } else {
            status = change_due(connection, item, options.now, count);
        }
        out.rows.push_back({std::string{item.title}, std::to_string(count)});
        out.changed += count;
    }
    return status;
}

/// The partitions that are created ahead, in a dry run those that would be.
result make_ahead(pq_connection& connection, maintenance_options const& options,
                  std::vector<partition_name>& made) {
    if (!options.dry_run) {
        return create_ahead(connection, options.partitions, options.now, made);
    }
    auto missing = find_missing(connection, options.partitions, options.now);
    if (missing.ok()) {
        made = *std::move(missing);
    }
    return missing.status();
}

/// Rows of ingest.batches to delete. `$1` is the `now` of the job, `$2` days, `$3` the end of the
/// last chunk. A lane asks for a batch seconds after its commit (is_committed), so both clocks must
/// agree that the row is days old. Rows of imports stay: import totals are their sums, they tell
/// which calls came from an import, and they are few, since an import fills its batches.
constexpr std::string_view old_batches =
    " FROM ingest.batches AS b WHERE b.import_id IS NULL AND b.created_at >= $3::timestamptz"
    " AND b.created_at < least($1::timestamptz, now()) - interval '24 hours' * $2::bigint";

/// Returns the number of rows and the latest time among them.
std::string old_batches_sql(bool is_dry_run) {
    std::string const rows{old_batches};
    if (is_dry_run) {
        return "SELECT count(*), max(b.created_at)" + rows;
    }
    return "WITH gone AS (DELETE FROM ingest.batches AS d WHERE d.id = ANY (ARRAY(SELECT b.id" +
           rows + " ORDER BY b.created_at LIMIT " + std::string{batch_rows} +
           " FOR UPDATE SKIP LOCKED)) RETURNING d.created_at)"
           " SELECT count(*), max(created_at) FROM gone";
}

void add_step(maintenance_report& out, partition_step const& step) {
    bool const failed = step.action == partition_action::failed;
    out.rows.push_back(
        {step.partition.qualified(), std::string{label(step.action)}, failed ? step.detail : ""});
    out.failures += failed ? 1 : 0;
    out.changed += failed ? 0 : 1;
}

} // namespace

result keep_partitions(pq_connection& connection, maintenance_options const& options,
                       maintenance_report& out) {
    out.columns = {"partition", "action", "detail"};
    // What comes next is made before what is old is handled: calls of tomorrow need a partition.
    std::vector<partition_name> made;
    result const status = make_ahead(connection, options, made);
    for (auto& partition : made) {
        add_step(out, {std::move(partition), partition_action::created, {}});
    }

    // A failure to make one partition does not keep the others from being sealed or retired.
    partition_upkeep upkeep{connection,
                            {options.seal_after_hours, options.dry_run},
                            [&out](partition_step const& step) { add_step(out, step); }};
    result const kept = upkeep.run(options.now);
    return status.ok() ? kept : status;
}

result roll_up_months(pq_connection& connection, maintenance_options const& options,
                      maintenance_report& out) {
    // The function reads the marks that batches leave in analytics.changed_days, and removes them.
    out.columns = {"what", "rows"};
    pq_rows rows;
    parameters none;
    result status =
        connection.query(options.dry_run ? "SELECT count(DISTINCT day) FROM analytics.changed_days"
                                         : "SELECT analytics.roll_up_months()",
                         none, rows);
    out.changed = status.ok() ? int64_at(rows, 0, 0) : 0;
    out.rows.push_back({options.dry_run ? "days that have changed" : "monthly aggregates written",
                        std::to_string(out.changed)});
    return status;
}

result delete_old_batches(pq_connection& connection, maintenance_options const& options,
                          maintenance_report& out) {
    out.columns = {"what", "rows"};
    // From the oldest on: each chunk begins where the one before ended, so that it does not scan
    // the index entries of rows that are already deleted.
    std::string const sql = old_batches_sql(options.dry_run);
    ingest::time_us reached = 0;
    result status;
    for (std::int64_t rows_of_chunk = 1; status.ok() && rows_of_chunk > 0;) {
        parameters values;
        values.add_time(options.now).add_int64(options.batches_kept_days).add_time(reached);
        pq_rows rows;
        status = connection.query(sql, values, rows);
        rows_of_chunk = status.ok() ? int64_at(rows, 0, 0) : 0;
        reached = status.ok() ? time_at(rows, 0, 1, reached) : reached;
        out.changed += rows_of_chunk;
        rows_of_chunk = options.dry_run ? 0 : rows_of_chunk;
    }

    // Reported also after a failure: the chunks before it are deleted.
    out.rows.push_back({"batches older than " + std::to_string(options.batches_kept_days) + " days",
                        std::to_string(out.changed)});
    return status;
}

result clean_up_tokens(pq_connection& connection, maintenance_options const& options,
                       maintenance_report& out) {
    static constexpr due_rows due[] = {
        {"expired blacklist entries", "identity.token_blacklist", "t.expires_at < $1::timestamptz",
         ""},
        {"expired refresh tokens", "identity.refresh_tokens", "t.expires_at < $1::timestamptz", ""},
        {"expired sessions", "identity.sessions", "t.expires_at < $1::timestamptz", ""}};
    return handle_due(connection, due, options, out);
}

result clean_up_sessions(pq_connection& connection, maintenance_options const& options,
                         maintenance_report& out) {
    static constexpr due_rows due[] = {{"sessions unused for 90 days", "identity.sessions",
                                        "t.last_used_at < $1::timestamptz - interval '90 days'",
                                        ""}};
    return handle_due(connection, due, options, out);
}

// Guiding uses ended_at: usage after the trial or the paid period is not charged to them.
result expire_subscriptions(pq_connection& connection, maintenance_options const& options,
                            maintenance_report& out) {
    static constexpr due_rows due[] = {
        {"trials that are over", "billing.subscriptions",
         "t.status = 'trialing' AND t.trial_ends_at < $1::timestamptz AND t.deleted_at IS NULL",
         "status = 'expired', ended_at = coalesce(u.ended_at, greatest(u.trial_ends_at,"
         " u.started_at))"},
        {"canceled subscriptions at their period's end", "billing.subscriptions",
         "t.status = 'canceled' AND t.cancel_at_period_end AND t.current_period_end <"
         " $1::timestamptz AND t.deleted_at IS NULL",
         "status = 'expired', ended_at = coalesce(u.ended_at, greatest(u.current_period_end,"
         " u.started_at))"}};
    return handle_due(connection, due, options, out);
}

result list_expiring_trials(pq_connection& connection, maintenance_options const& options,
                            maintenance_report& out) {
    out.columns = {"subscription", "customer", "plan", "ends at (UTC)"};

    parameters values;
    values.add_time(options.now);
    pq_rows rows;
    result status = connection.query(
        "SELECT s.subscription_number, coalesce(c.company_name, nullif(concat_ws(' ',"
        " u.first_name, u.last_name), ''), u.email), p.name, to_char(s.trial_ends_at AT TIME ZONE"
        " 'UTC', 'YYYY-MM-DD HH24:MI:SS') FROM billing.subscriptions AS s"
        " JOIN billing.customers AS c ON c.id = s.customer_id"
        " JOIN identity.users AS u ON u.id = coalesce(s.user_id, c.user_id)"
        " JOIN billing.rate_plans AS p ON p.id = s.rate_plan_id"
        " WHERE s.status = 'trialing' AND s.deleted_at IS NULL AND s.trial_ends_at BETWEEN"
        " $1::timestamptz AND $1::timestamptz + interval '3 days'"
        " ORDER BY s.trial_ends_at, s.subscription_number",
        values, rows);

    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        // All columns are text, so the report's table takes them as they are.
        auto& row = out.rows.emplace_back();
        for (int column = 0; column < 4; ++column) {
            row.emplace_back(bytes_at(rows, i, column));
        }
    }
    return status;
}

} // namespace tally::storage
