#include "storage/rerate/call_correction.hpp"

#include <array>

namespace tally::storage {

/// A row in PostgreSQL's text form, so that it goes back exactly as it was read.
struct call_corrector::stored_call_row {
    std::string account_id;
    std::string start;
    std::string uuid;
    std::string subscription_id;
    std::string status;
    std::string cost;
    std::string currency;
    std::string period_start; ///< of its usage row

    [[nodiscard]] std::vector<sql_value> key() const { return {account_id, start, uuid}; }
};

namespace {

constexpr std::string_view columns =
    "c.account_id, c.start_time, c.uuid, c.subscription_id, c.processing_status, c.cost,"
    " c.currency ";

// The period in which the call began.
constexpr char const* usage_lock_sql =
    "SELECT billing_period_start FROM billing.subscription_usage"
    " WHERE subscription_id = $1::uuid AND billing_period_start <= $2::timestamptz"
    " AND billing_period_end > $2::timestamptz ORDER BY billing_period_start FOR NO KEY UPDATE";

// The status before the newest void or dispute: a restore undoes the last one only.
constexpr char const* before_sql =
    "SELECT old_status FROM billing.cdr_adjustments WHERE account_id = $1::uuid"
    " AND start_time = $2::timestamptz AND uuid = $3::uuid AND kind IN ('void', 'dispute')"
    " AND new_status = $4::billing.processing_status ORDER BY id DESC LIMIT 1";

constexpr char const* adjustment_sql =
    "INSERT INTO billing.cdr_adjustments (account_id, start_time, uuid, id, kind, old_status,"
    " new_status, old_cost, new_cost, old_billed_seconds, new_billed_seconds,"
    " old_allowance_seconds, new_allowance_seconds, old_rate_id, new_rate_id, currency, reason,"
    " adjusted_by, created_at)"
    " SELECT account_id, start_time, uuid, public.uuid_v7(), $4::billing.adjustment_kind,"
    " processing_status, $5::billing.processing_status, cost, cost, billed_seconds,"
    " billed_seconds, allowance_seconds, allowance_seconds, rate_id, rate_id, currency, $6::text,"
    " $7::text, now() FROM billing.cdrs"
    " WHERE account_id = $1::uuid AND start_time = $2::timestamptz AND uuid = $3::uuid";

constexpr char const* status_sql =
    "UPDATE billing.cdrs SET processing_status = $4::billing.processing_status"
    " WHERE account_id = $1::uuid AND start_time = $2::timestamptz AND uuid = $3::uuid";

// $4 is the change of the number of calls: 1, -1, or 0, which only increments the version.
constexpr char const* usage_sql =
    "UPDATE billing.subscription_usage AS u SET seconds_used = u.seconds_used + n * billed_seconds,"
    " included_seconds_used = u.included_seconds_used + n * allowance_seconds,"
    " calls_count = u.calls_count + n, total_cost = u.total_cost + n * cost,"
    " overage_cost = u.overage_cost"
    "  + n * CASE WHEN allowance_seconds < billed_seconds THEN cost ELSE 0 END,"
    " version = u.version + 1, corrections = u.corrections + 1, updated_at = now()"
    " FROM billing.cdrs AS c CROSS JOIN (SELECT $4::integer AS n) AS moved"
    " WHERE c.account_id = $1::uuid AND c.start_time = $2::timestamptz AND c.uuid = $3::uuid"
    " AND u.subscription_id = c.subscription_id AND u.billing_period_start = $5::timestamptz";

constexpr char const* balance_sql =
    "UPDATE billing.accounts AS a SET balance = a.balance - $4::integer * c.cost,"
    " updated_at = now() FROM billing.cdrs AS c"
    " WHERE c.account_id = $1::uuid AND c.start_time = $2::timestamptz AND c.uuid = $3::uuid"
    " AND a.id = c.account_id";

// Marks the day for the roll-up into months, as lanes do.
constexpr char const* daily_sql =
    "WITH moved AS ("
    "INSERT INTO analytics.usage_aggregates_daily AS u (account_id, subscription_id, day, metric,"
    " events, quantity, billable_quantity, cost, currency, created_at, updated_at)"
    " SELECT c.account_id, c.subscription_id, (c.start_time AT TIME ZONE p.time_zone)::date,"
    " 'calls', n, n * c.billsec, n * c.billed_seconds, n * c.cost, c.currency, now(), now()"
    " FROM billing.cdrs AS c JOIN billing.subscriptions AS s ON s.id = c.subscription_id"
    " JOIN billing.rate_plans AS p ON p.id = s.rate_plan_id"
    " CROSS JOIN (SELECT $4::integer AS n) AS more"
    " WHERE c.account_id = $1::uuid AND c.start_time = $2::timestamptz AND c.uuid = $3::uuid"
    " ON CONFLICT (account_id, subscription_id, day, metric) DO UPDATE SET"
    " events = u.events + excluded.events, quantity = u.quantity + excluded.quantity,"
    " billable_quantity = u.billable_quantity + excluded.billable_quantity,"
    " cost = u.cost + excluded.cost, updated_at = now() RETURNING u.day)"
    " INSERT INTO analytics.changed_days (day) SELECT day FROM moved";

int counted(std::string const& status) noexcept {
    return status == "void" ? 0 : 1;
}

[[noreturn]] void refuse(std::string const& reason) {
    throw command_error(reason);
}

} // namespace

std::string_view label(correction_kind kind) noexcept {
    constexpr std::array labels{std::string_view{"void"}, std::string_view{"dispute"},
                                std::string_view{"restore"}};
    return labels[static_cast<std::size_t>(kind)];
}

correction_outcome call_corrector::correct(correction_kind kind, call_name const& name,
                                           adjustment_author const& author) {
    // Found before the transaction begins: an operator's mistake in the name locks nothing.
    auto const found = find(name);

    sql_transaction transaction{session_};
    auto const call = lock(found);
    auto const status = next_status(kind, call);
    correction_outcome outcome{.is_changed = status != call.status,
                               .start = call.start,
                               .old_status = call.status,
                               .new_status = status,
                               .cost = call.cost,
                               .currency = call.currency};

    if (outcome.is_changed) {
        change(kind, call, status, author);
        transaction.commit();
    }
    return outcome;
}

call_corrector::stored_call_row call_corrector::find(call_name const& name) {
    // An account may be named by its number or its id, a call by its id and, if that is not unique,
    // its start.
    std::string sql = "SELECT " + std::string{columns} +
                      "FROM billing.accounts AS a JOIN billing.cdrs AS c ON c.account_id = a.id"
                      " WHERE (a.account_number = $1::text OR a.id::text = $1::text)"
                      " AND c.uuid = $2::uuid";
    std::vector<sql_value> values{name.account, name.uuid};

    // Stored starts are whole seconds (R6).
    if (!name.start.empty()) {
        sql += " AND c.start_time = date_trunc('second', $3::timestamptz)";
        values.emplace_back(name.start);
    }

    // Exactly one call must answer to the name.
    auto const rows = session_.query(sql, values);
    if (rows.empty()) {
        refuse("account '" + name.account + "' has no call " + name.uuid +
               (name.start.empty() ? "" : " of " + name.start));
    }

    // An id may come again on another day, since the start is a part of the key. A guess would void
    // the wrong call.
    if (rows.size() > 1) {
        refuse("account '" + name.account + "' has " + std::to_string(rows.size()) +
               " calls of that id; say which with --start");
    }
    auto const& row = rows.front();
    return {row.text(0), row.text(1), row.text(2), row.text(3),
            row.text(4), row.text(5), row.text(6), {}};
}

// Locks the usage row first, in the order of lanes and reratings (R13), then the call; reads it
// again under the lock.
call_corrector::stored_call_row call_corrector::lock(stored_call_row const& found) {
    auto const usage = session_.query_value(usage_lock_sql, {found.subscription_id, found.start});
    auto const rows = session_.query(
        "SELECT " + std::string{columns} +
            "FROM billing.cdrs AS c WHERE c.account_id = $1::uuid"
            " AND c.start_time = $2::timestamptz AND c.uuid = $3::uuid FOR NO KEY UPDATE",
        found.key());
    if (!usage || rows.empty()) {
        refuse("the call has no usage row, or is gone");
    }

    // What was read without the lock may have changed; only the key cannot.
    auto call = found;
    call.status = rows.front().text(4);
    call.cost = rows.front().text(5);
    call.period_start = *usage;
    return call;
}

std::string call_corrector::next_status(correction_kind kind, stored_call_row const& call) {
    // A call that is neither void nor disputed has nothing to restore and stays as it is.
    bool const is_marked = call.status == "void" || call.status == "disputed";
    if (kind == correction_kind::restored) {
        auto values = call.key();
        values.emplace_back(call.status);
        return is_marked ? session_.query_value(before_sql, values).value_or(call.status)
                         : call.status;
    }

    // Void and dispute: a call that has the status already is left as it is, without an error.
    std::string wanted = kind == correction_kind::voided ? "void" : "disputed";
    if (call.status == wanted) {
        return wanted;
    }

    // An invoice shows the call with its cost, so the database must not say something else.
    if (call.status == "billed") {
        refuse("the call is on an invoice: correct it there, by a credit");
    }
    if (call.status == "void") {
        refuse("the call is void: there is nothing to dispute; restore it first");
    }
    return wanted;
}

void call_corrector::change(correction_kind kind, stored_call_row const& call,
                            std::string const& status, adjustment_author const& author) {
    // The adjustment first: it records the status that the call still has.
    auto values = call.key();
    values.insert(values.end(), {std::string{label(kind)}, status, author.reason, author.author});
    session_.query(adjustment_sql, values);

    // A call that becomes void is taken out of the sums, one that is restored comes back.
    move_sums(call, std::to_string(counted(status) - counted(call.status)));

    // The row keeps its figures; only its status changes (C7).
    values = call.key();
    values.emplace_back(status);
    session_.query(status_sql, values);
}

void call_corrector::move_sums(stored_call_row const& call, std::string const& calls) {
    // A dispute changes no sum, but increments the version and `corrections` of the usage row.
    auto values = call.key();
    values.emplace_back(calls);
    if (calls != "0") {
        session_.query(balance_sql, values);
        session_.query(daily_sql, values);
    }
    values.emplace_back(call.period_start);
    session_.query(usage_sql, values);
}

} // namespace tally::storage
