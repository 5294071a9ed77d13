#include "storage/rerate/runs.hpp"

#include "storage/postgres/database_error.hpp"

namespace tally::storage {

namespace {

// One statement begins or continues: the partial unique key allows one running run of a selection
// (C5).
constexpr char const* begin_sql =
    "INSERT INTO billing.rerate_runs AS r (selection, requested_by, reason)"
    " VALUES ($1::text, $2::text, $3::text)"
    " ON CONFLICT (selection) WHERE state = 'running' DO UPDATE SET runs = r.runs + 1,"
    "  reason = coalesce(excluded.reason, r.reason)"
    " RETURNING id, runs, position_period_start, position_subscription_id, position_moment,"
    "  position_start_time, position_uuid, periods, calls_seen, calls_changed, calls_unchanged,"
    "  calls_frozen, calls_unrated, old_cost, new_cost";

// `state` is asked for, since another session may have given the run up with --restart.
constexpr char const* advance_sql =
    "UPDATE billing.rerate_runs SET position_period_start = $2::timestamptz,"
    " position_subscription_id = $3::uuid, position_moment = $4::timestamptz,"
    " position_start_time = $5::timestamptz, position_uuid = $6::uuid, periods = $7::bigint,"
    " calls_seen = $8::bigint, calls_changed = $9::bigint, calls_unchanged = $10::bigint,"
    " calls_frozen = $11::bigint, calls_unrated = $12::bigint, old_cost = $13::numeric,"
    " new_cost = $14::numeric WHERE id = $1::uuid AND state = 'running'";

rating::amount_sum sum_at(pq_rows const& rows, int column) {
    return wire::get_numeric_sum(bytes_at(rows, 0, column)).value_or(rating::amount_sum{});
}

rerate_run run_of(pq_rows const& rows) {
    rerate_run out;
    out.id = uuid_at(rows, 0, 0);
    out.runs = int32_at(rows, 0, 1);
    out.position = {time_at(rows, 0, 2, ingest::never_us), uuid_at(rows, 0, 3),
                    time_at(rows, 0, 4, ingest::never_us), time_at(rows, 0, 5, ingest::never_us),
                    uuid_at(rows, 0, 6)};
    out.counts = {int64_at(rows, 0, 7),  int64_at(rows, 0, 8),  int64_at(rows, 0, 9),
                  int64_at(rows, 0, 10), int64_at(rows, 0, 11), int64_at(rows, 0, 12),
                  sum_at(rows, 13),      sum_at(rows, 14)};
    return out;
}

void add_time(parameters& parameters, ingest::time_us time) {
    if (time == ingest::never_us) {
        parameters.add_null();
    } else {
        parameters.add_time(time);
    }
}

} // namespace

rerate_counts& rerate_counts::operator+=(rerate_counts const& more) noexcept {
    periods += more.periods;
    seen += more.seen;
    changed += more.changed;
    unchanged += more.unchanged;
    frozen += more.frozen;
    unrated += more.unrated;
    old_cost += more.old_cost;
    new_cost += more.new_cost;
    return *this;
}

rerate_run begin_rerate(pq_connection& connection, std::string_view selection,
                        std::string_view author, std::string_view reason, bool restart) {
    // The old run keeps its row, as a record of how far it came.
    if (restart) {
        parameters values;
        values.add_text(selection);
        pq_rows ignored;
        check(connection.query(
            "UPDATE billing.rerate_runs SET state = 'given_up', finished_at = now()"
            " WHERE selection = $1::text AND state = 'running'",
            values, ignored));
    }

    parameters values;
    values.add_text(selection).add_text(author).add_optional_text(reason);
    pq_rows rows;
    check(connection.query(begin_sql, values, rows));
    return run_of(rows);
}

result advance_rerate(pq_connection& connection, rerate_run const& run) {
    // A page calls this in its transaction, so that position and changes are stored together (C5).
    auto const& position = run.position;
    auto const& counts = run.counts;
    parameters values;
    values.add(run.id);
    add_time(values, position.period_start);
    values.add_optional(position.subscription_id);
    add_time(values, position.moment);
    add_time(values, position.start);
    values.add_optional(position.call_id).add_int64(counts.periods).add_int64(counts.seen);
    values.add_int64(counts.changed).add_int64(counts.unchanged).add_int64(counts.frozen);
    values.add_int64(counts.unrated).add_numeric(counts.old_cost.nanos);
    values.add_numeric(counts.new_cost.nanos);

    // No row: this session must not go on with a run that is no longer its own.
    pq_rows rows;
    result status = connection.query(advance_sql, values, rows);
    if (status.ok() && affected(rows) != 1) {
        return {failure::bad_data, {}, "the run was ended by another session"};
    }
    return status;
}

void finish_rerate(pq_connection& connection, ingest::uuid const& id) {
    parameters values;
    values.add(id);
    pq_rows rows;
    check(connection.query("UPDATE billing.rerate_runs SET state = 'done', finished_at = now()"
                           " WHERE id = $1::uuid AND state = 'running'",
                           values, rows));
}

} // namespace tally::storage
