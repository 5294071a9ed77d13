#include "storage/effects/effect_queue.hpp"

#include "storage/effects/refusals.hpp"

namespace tally::storage {

namespace {

// One session at a time, or the effects of two transactions would be applied in any order (R17).
constexpr char const* claim_sql =
    "SELECT pg_advisory_xact_lock(hashtextextended('tallyd effects', 0))";

// The functions are called in the order of the rows, and each sees what those before it changed.
constexpr char const* apply_sql = R"(
SELECT q.position, ingest.try_event(q.id, q.type, q.subject, q.occurred_at, q.data, q.source_id,
    q.batch_id), q.type
FROM (SELECT position, id, type, subject, occurred_at, data, source_id, batch_id
    FROM ingest.effect_queue ORDER BY position LIMIT $1::integer) AS q)";

constexpr char const* head_sql =
    "SELECT position, type FROM ingest.effect_queue ORDER BY position LIMIT 1";

// By position, not as a range: a batch that commits later may have a lower position.
constexpr char const* delete_sql =
    "DELETE FROM ingest.effect_queue WHERE position = ANY($1::bigint[])";

constexpr char const* last_sql =
    "SELECT position FROM ingest.effect_queue ORDER BY position DESC LIMIT 1";

// The lowest position is the oldest, except among batches that ran at the same time.
constexpr char const* waiting_sql =
    "SELECT (SELECT count(*) FROM ingest.effect_queue),"
    " (SELECT extract(epoch FROM clock_timestamp() - q.created_at)::bigint"
    " FROM ingest.effect_queue AS q ORDER BY q.position LIMIT 1)";

} // namespace

pq_connection::limits effect_limits() {
    pq_connection::limits bounds;
    // Nested loops, for the order of locks as in a batch (R13).
    bounds.locks_in_order = true;
    return bounds;
}

result effect_queue::apply_next(effect_counts& out) {
    out = {};
    result status = connection_.open();
    if (!status.ok()) {
        return status;
    }

    // Effect and deletion are one transaction, so it must not go on in another session.
    pq_connection::pin const transaction{connection_};
    status = connection_.execute("BEGIN");
    if (status.ok()) {
        status = apply_claimed(out);
    }
    if (status.ok()) {
        status = connection_.execute("COMMIT");
    }
    if (status.ok()) {
        if (taken_at_once_ == 1 && ++singles_ >= effects_max) {
            taken_at_once_ = effects_max;
        }
        return status;
    }

    // Nothing was applied, so nothing is counted.
    out = {};
    taken_at_once_ = 1;
    singles_ = 0;
    if (connection_.is_open() && !connection_.execute("ROLLBACK").ok()) {
        connection_.close(); // the server rolls back when the session ends
    }
    return status;
}

result effect_queue::apply_claimed(effect_counts& out) {
    // Another statement than the one that reads: it sees what the session before has deleted.
    pq_rows rows;
    parameters values;
    result status = connection_.query(claim_sql, values, rows);
    if (!status.ok() || taken_at_once_ == 1) {
        return status.ok() ? apply_head(out) : status;
    }
    values.clear();
    status = connection_.query(apply_sql, values.add_int32(taken_at_once_), rows);
    return status.ok() ? settle(rows, out) : status;
}

/// Only the effect at the head of the queue, since it may be the one that fails.
result effect_queue::apply_head(effect_counts& out) {
    parameters values;
    pq_rows rows;
    result status = connection_.query(head_sql, values, rows);
    if (!status.ok() || row_count(rows) == 0) {
        return status;
    }
    head_effect const head{int64_at(rows, 0, 0), std::string{bytes_at(rows, 0, 1)}};

    // The transaction goes on without it if this is its last attempt.
    bool const is_last_attempt = stuck_.is_last_attempt(head, stuck_effect::clock::now());
    if (is_last_attempt) {
        status = connection_.execute("SAVEPOINT effect");
    }
    if (status.ok()) {
        status = connection_.query(apply_one_sql, values.add_int64(head.position), rows);
        if (status.ok()) {
            return settle(rows, out);
        }
    }

    if (status.reason != failure::permanent) {
        return status;
    }
    stuck_.add_failure(head, stuck_effect::clock::now());
    return is_last_attempt ? suspend_head(head, status, out) : status;
}

/// Suspends an effect that fails for good, as if it was refused; or fails as it did, if all behind
/// it do, too.
result effect_queue::suspend_head(head_effect const& head, result const& failed,
                                  effect_counts& out) {
    auto status = connection_.execute("ROLLBACK TO SAVEPOINT effect");
    if (!status.ok()) {
        return status;
    }
    auto const others_apply = stuck_.can_apply_others(connection_, head);
    if (!others_apply.ok()) {
        return others_apply.status();
    }
    if (!*others_apply) {
        return failed; // the queue fails as a whole, so it waits as a whole
    }

    // Its event waits in suspense, and leaves the queue in the same transaction.
    refusals refused;
    refused.add(head.position, "database_refused: " + failed.sqlstate + " " + failed.detail);
    status = refused.suspend(connection_);
    if (status.ok()) {
        parameters values;
        pq_rows ignored;
        array_parameter position{wire::int8_oid};
        position.add_int64(head.position);
        status = connection_.query(delete_sql, values.add(position), ignored);
    }
    if (status.ok()) {
        stuck_.add_suspended(head);
        out.suspended = 1;
        out.last_position = head.position;
    }
    return status;
}

/// What was tried leaves the queue, in the transaction that applied the effects.
result effect_queue::settle(pq_rows const& tried, effect_counts& out) {
    if (row_count(tried) == 0) {
        return {};
    }

    // A verdict is a refusal; what was applied has none.
    array_parameter taken{wire::int8_oid};
    refusals refused;
    for (int i = 0; i < row_count(tried); ++i) {
        out.last_position = int64_at(tried, i, 0);
        taken.add_int64(out.last_position);
        if (is_null(tried, i, 1)) {
            stuck_.forget(bytes_at(tried, i, 2));
        } else {
            refused.add(out.last_position, bytes_at(tried, i, 1));
        }
    }
    out.suspended = refused.count();
    out.applied = row_count(tried) - out.suspended;

    auto status = refused.suspend(connection_);
    if (status.ok()) {
        parameters values;
        pq_rows ignored;
        status = connection_.query(delete_sql, values.add(taken), ignored);
    }
    return status;
}

result effect_queue::apply_present(std::function<bool()> const& stop, effect_counts& out) {
    out = {};

    // Only what is queued now: a queue that fills as fast as it is emptied would never end the
    // loop.
    pq_rows rows;
    parameters none;
    result status = connection_.query(last_sql, none, rows);
    std::int64_t const last = status.ok() && row_count(rows) > 0 ? int64_at(rows, 0, 0) : 0;
    while (status.ok() && out.last_position < last && !stop()) {
        effect_counts next;
        status = apply_next(next);
        if (next.taken() == 0) {
            break; // a failure, or another session has applied the rest
        }
        out = {out.applied + next.applied, out.suspended + next.suspended, next.last_position};
    }
    return status;
}

result effect_queue::waiting(waiting_effects& out) {
    out = {};
    pq_rows rows;
    parameters none;
    result status = connection_.query(waiting_sql, none, rows);
    if (status.ok()) {
        out = {int64_at(rows, 0, 0), int64_at(rows, 0, 1)};
    }
    return status;
}

} // namespace tally::storage
