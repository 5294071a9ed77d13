#include "storage/rerate/adjustment_writer.hpp"

#include "storage/partitions/partitions.hpp"
#include "storage/rerate/adjustment_rows.hpp"

#include <algorithm>
#include <numeric>

namespace tally::storage {

namespace {

// Nested loops over the arrays, so that rows are locked in their order (R13).
pq_connection::limits writer_limits() {
    pq_connection::limits bounds;
    bounds.locks_in_order = true;
    return bounds;
}

// `place` is the index of the key, from 1: a locking query has an order of its own.
constexpr char const* read_usage_sql =
    "SELECT k.place, u.version, u.included_seconds_used, u.corrections"
    " FROM unnest($1::uuid[], $2::timestamptz[])"
    "  WITH ORDINALITY AS k(subscription_id, period_start, place)"
    " JOIN billing.subscription_usage AS u"
    "  ON u.subscription_id = k.subscription_id AND u.billing_period_start = k.period_start";

// An UPDATE, not an upsert as for new calls: the row exists, and its check constraints would refuse
// a negative difference as a row to insert.
constexpr char const* usage_sql =
    "UPDATE billing.subscription_usage AS u SET seconds_used = u.seconds_used + d.seconds,"
    " included_seconds_used = u.included_seconds_used + d.included,"
    " overage_cost = u.overage_cost + d.overage_cost, total_cost = u.total_cost + d.total_cost,"
    " version = u.version + 1, corrections = u.corrections + 1, updated_at = now()"
    " FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::numeric[],"
    "  $6::numeric[], $7::bigint[])"
    "  AS d(subscription_id, period_start, seconds, included, overage_cost, total_cost, expected)"
    " WHERE u.subscription_id = d.subscription_id AND u.billing_period_start = d.period_start"
    " AND u.version = d.expected";

// Changes a call only if it is still as it was read: an invoice may have billed it meanwhile.
std::string call_sql(std::int32_t day) {
    return "UPDATE billing.cdrs AS c SET billed_seconds = d.billed, allowance_seconds = d.drawn,"
           " matched_prefix = d.prefix, rate_id = d.rate_id, rate_per_minute = d.per_minute,"
           " connect_fee = d.fee, cost = d.cost, call_type = d.call_type,"
           " processing_status = d.status::billing.processing_status"
           " FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::integer[], $5::integer[],"
           "  $6::text[], $7::uuid[], $8::numeric[], $9::numeric[], $10::numeric[], $11::text[],"
           "  $12::text[], $13::text[], $14::numeric[], $15::integer[])"
           "  AS d(account_id, start_time, uuid, billed, drawn, prefix, rate_id, per_minute, fee,"
           "  cost, call_type, status, old_status, old_cost, old_drawn)"
           " WHERE c.account_id = d.account_id AND c.start_time = d.start_time"
           " AND c.uuid = d.uuid AND c.start_time >= " +
           midnight_literal(day) + " AND c.start_time < " + midnight_literal(day + 1) +
           " AND c.processing_status = d.old_status::billing.processing_status"
           " AND c.cost = d.old_cost AND c.allowance_seconds = d.old_drawn";
}

// The trail of a change: who, why, and both ratings. It is in the transaction of the change, so no
// change is without one.
constexpr char const* adjustment_sql =
    "INSERT INTO billing.cdr_adjustments (account_id, start_time, uuid, id, kind, rerate_run_id,"
    " old_status, new_status, old_cost, new_cost, old_billed_seconds, new_billed_seconds,"
    " old_allowance_seconds, new_allowance_seconds, old_rate_id, new_rate_id, currency, reason,"
    " adjusted_by, created_at)"
    " SELECT d.account_id, d.start_time, d.uuid, d.id, 'rerate', $16::uuid,"
    " d.old_status::billing.processing_status, d.new_status::billing.processing_status,"
    " d.old_cost, d.new_cost, d.old_billed, d.new_billed, d.old_drawn, d.new_drawn, d.old_rate,"
    " d.new_rate, d.currency, $17::text, $18::text, now()"
    " FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::uuid[], $5::text[], $6::text[],"
    "  $7::numeric[], $8::numeric[], $9::integer[], $10::integer[], $11::integer[],"
    "  $12::integer[], $13::uuid[], $14::uuid[], $15::text[])"
    "  AS d(account_id, start_time, uuid, id, old_status, new_status, old_cost, new_cost,"
    "  old_billed, new_billed, old_drawn, new_drawn, old_rate, new_rate, currency)";

result changed_meanwhile(std::int64_t missing, char const* text) {
    return {failure::stale, {}, std::to_string(missing) + text};
}

} // namespace

adjustment_writer::adjustment_writer(std::string connection_string, adjustment_author author)
    : author_{std::move(author)}, connection_{std::move(connection_string),
                                              "tallyd rerate: writing", batch_statements(),
                                              writer_limits()} {}

result adjustment_writer::read_usage(std::string const& sql, std::span<usage_key const> keys,
                                     std::vector<period_usage>& out) {
    out.assign(keys.size(), {});
    pq_rows rows;
    result status = connection_.query(sql, keys_.fill(keys), rows);
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        out[static_cast<std::size_t>(int64_at(rows, i, 0)) - 1] = {
            {int64_at(rows, i, 1), int64_at(rows, i, 2)}, int64_at(rows, i, 3)};
    }
    return status;
}

result adjustment_writer::load_usage(std::span<usage_key const> keys,
                                     std::vector<period_usage>& out) {
    return read_usage(read_usage_sql, keys, out);
}

result adjustment_writer::begin(std::span<usage_key const> keys, std::vector<period_usage>& out) {
    // The pin comes after the connection is open, since it forbids to open it (S5).
    result status = connection_.open();
    if (!status.ok()) {
        return status;
    }

    // Until COMMIT or ROLLBACK, in this session only.
    one_session_.emplace(connection_);
    status = connection_.execute("BEGIN");
    if (status.ok()) {
        // Sorted before the rows are locked, in the order of the lanes (R13).
        status = read_usage(std::string{read_usage_sql} +
                                " ORDER BY u.subscription_id, u.billing_period_start"
                                " FOR NO KEY UPDATE OF u",
                            keys, out);
    }
    if (!status.ok()) {
        roll_back();
    }
    return status;
}

result adjustment_writer::commit(adjustment_batch const& batch, rerate_run const& run) {
    // Rows are written before COMMIT in the order of the locks (S1).
    result status = write(batch, run);
    if (!status.ok()) {
        roll_back();
        return status;
    }
    status = connection_.execute("COMMIT");
    // Without an answer the transaction may have committed or not.
    if (!status.ok() && !connection_.is_open()) {
        status.reason = failure::unknown;
    }

    // The transaction is over in any case, so the connection may be opened again.
    one_session_.reset();
    return status;
}

void adjustment_writer::roll_back() noexcept {
    if (connection_.is_open() && !connection_.execute("ROLLBACK").ok()) {
        connection_.close(); // the server rolls back when the session ends
    }
    one_session_.reset();
}

result adjustment_writer::write(adjustment_batch const& batch, rerate_run const& run) {
    // Usage first, balances and daily aggregates late, as lanes do (S2). A page without changes
    // only moves the run's position.
    result status;
    if (!batch.changes().empty()) {
        status = write_usage(batch.usage());
        if (status.ok()) {
            status = write_calls(batch.changes());
        }
        if (status.ok()) {
            status = write_adjustments(batch.changes(), run.id);
        }
        if (status.ok()) {
            status = write_sums(batch);
        }
    }

    return status.ok() ? advance_rerate(connection_, run) : status;
}

result adjustment_writer::write_usage(std::span<usage_delta const> rows) {
    adjusted_usage_rows arrays;
    pq_rows content;
    result status = connection_.query(usage_sql, arrays.fill(rows), content);
    auto const missing = std::ssize(rows) - (status.ok() ? affected(content) : 0);
    return status.ok() && missing != 0
               ? changed_meanwhile(missing, " usage rows have another version")
               : status;
}

// One statement for each day, so that the server plans and opens only the partition of that day.
result adjustment_writer::write_calls(std::span<call_change const> changes) {
    // By day, and by key within it: the order of locks (R13).
    std::vector<std::uint32_t> order(changes.size());
    std::iota(order.begin(), order.end(), 0U);
    std::sort(order.begin(), order.end(), [changes](std::uint32_t a, std::uint32_t b) {
        auto const& x = changes[a].key;
        auto const& y = changes[b].key;
        return std::pair{day_of(x.start), x} < std::pair{day_of(y.start), y};
    });

    // A day that fails ends the page: all of it is stored, or nothing.
    result status;
    for (auto first = order.begin(); status.ok() && first != order.end();) {
        auto const day = day_of(changes[*first].key.start);
        auto const last = std::find_if(first, order.end(), [changes, day](std::uint32_t index) {
            return day_of(changes[index].key.start) != day;
        });
        status = write_day({first, last}, changes);
        first = last;
    }
    return status;
}

result adjustment_writer::write_day(std::span<std::uint32_t const> indices,
                                    std::span<call_change const> changes) {
    adjusted_call_rows arrays;
    pq_rows rows;
    auto const day = day_of(changes[indices.front()].key.start);
    result status = connection_.query(call_sql(day), arrays.fill(indices, changes), rows);
    auto const missing = std::ssize(indices) - (status.ok() ? affected(rows) : 0);
    return status.ok() && missing != 0
               ? changed_meanwhile(missing, " calls were changed by another session")
               : status;
}

result adjustment_writer::write_adjustments(std::span<call_change const> changes,
                                            ingest::uuid const& run_id) {
    adjustment_rows arrays;
    pq_rows ignored;
    return connection_.query(adjustment_sql,
                             arrays.fill(changes, run_id, author_.reason, author_.author), ignored);
}

result adjustment_writer::write_sums(adjustment_batch const& batch) {
    pq_rows ignored;
    result status = connection_.run(statement::balances, balances_.fill(batch.balances()), ignored);
    if (status.ok()) {
        status = connection_.run(statement::daily, daily_.fill(batch.daily()), ignored);
    }
    return status;
}

} // namespace tally::storage
