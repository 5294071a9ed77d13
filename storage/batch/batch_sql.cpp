#include "storage/batch/batch_statements.hpp"
#include "storage/batch/event_statements.hpp"

#include <array>

namespace tally::storage {

namespace {

// Compare-and-set (R8), for the rows that the batch expects to exist: a row with another version is
// not updated, the count is then too small, and the caller rolls back. A plain UPDATE is cheaper
// than INSERT ... ON CONFLICT DO UPDATE.
constexpr char const* usage_sql = R"(
UPDATE billing.subscription_usage AS u SET
    seconds_used = u.seconds_used + d.seconds,
    included_seconds_used = u.included_seconds_used + d.included,
    calls_count = u.calls_count + d.calls,
    overage_cost = u.overage_cost + d.overage_cost,
    total_cost = u.total_cost + d.total_cost,
    last_usage_at = greatest(u.last_usage_at, d.last_usage),
    sms_used = u.sms_used + d.sms,
    data_used_mb = u.data_used_mb + d.data_mb,
    version = u.version + 1,
    updated_at = now()
FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[], $6::numeric[],
    $7::numeric[], $8::timestamptz[], $9::numeric[], $10::numeric[], $11::bigint[])
    AS d(subscription_id, period_start, seconds, included, calls, overage_cost, total_cost,
        last_usage, sms, data_mb, expected)
WHERE u.subscription_id = d.subscription_id AND u.billing_period_start = d.period_start
    AND u.version = d.expected)";

// Rows that do not exist yet. One that another session has created meanwhile is not inserted: the
// count is too small, as above. DO NOTHING waits for another session's insert, but never for a lock
// of a row, so that sessions that create rows and sessions that change them cannot deadlock (R13).
constexpr char const* new_usage_sql = R"(
INSERT INTO billing.subscription_usage (subscription_id, account_id, billing_period_start,
    billing_period_end, seconds_used, included_seconds_used, calls_count, overage_cost, total_cost,
    currency, last_usage_at, sms_used, data_used_mb, created_at, updated_at)
SELECT d.subscription_id, d.account_id, d.period_start, d.period_end, d.seconds, d.included,
    d.calls, d.overage_cost, d.total_cost, d.currency, d.last_usage, d.sms, d.data_mb, now(), now()
FROM unnest($1::uuid[], $2::timestamptz[], $3::bigint[], $4::bigint[], $5::bigint[], $6::numeric[],
    $7::numeric[], $8::timestamptz[], $9::numeric[], $10::numeric[], $11::uuid[],
    $12::timestamptz[], $13::text[])
    AS d(subscription_id, period_start, seconds, included, calls, overage_cost, total_cost,
        last_usage, sms, data_mb, account_id, period_end, currency)
ON CONFLICT (subscription_id, billing_period_start) DO NOTHING)";

// Locks the rows that exist, in the order of the arrays, as usage_sql does.
constexpr char const* lock_usage_sql = R"(
WITH locked AS (
    SELECT 1 FROM unnest($1::uuid[], $2::timestamptz[]) AS d(subscription_id, period_start)
    JOIN billing.subscription_usage AS u ON u.subscription_id = d.subscription_id
        AND u.billing_period_start = d.period_start
    FOR NO KEY UPDATE OF u)
SELECT count(*) FROM locked)";

// Inserts the rows that are missing, with nothing used. One that came into being since
// lock_usage_sql looked is neither locked nor inserted; the caller compares the number of rows.
constexpr char const* create_usage_sql = R"(
INSERT INTO billing.subscription_usage (subscription_id, billing_period_start, account_id,
    billing_period_end, currency, created_at, updated_at)
SELECT d.subscription_id, d.period_start, d.account_id, d.period_end, d.currency, now(), now()
FROM unnest($1::uuid[], $2::timestamptz[], $3::uuid[], $4::timestamptz[], $5::text[])
    AS d(subscription_id, period_start, account_id, period_end, currency)
ON CONFLICT (subscription_id, billing_period_start) DO NOTHING)";

// Fails unless every account exists: the text is no integer, so the cast raises 22P02 (bad data)
// with the text in its message. COMMIT is in the same pipeline, so a count that the client checks
// would need one more round trip.
constexpr char const* balances_sql = R"(
WITH moved AS (
    UPDATE billing.accounts AS a SET balance = a.balance - d.charge, updated_at = now()
    FROM unnest($1::uuid[], $2::numeric[]) AS d(id, charge)
    WHERE a.id = d.id
    RETURNING 1)
SELECT CASE WHEN count(*) = cardinality($1::uuid[]) THEN 0
    ELSE format('%s of %s accounts exist', count(*), cardinality($1::uuid[]))::integer END
FROM moved)";

// Each day is marked once per batch: analytics.roll_up_months() reads the marks.
constexpr char const* daily_sql = R"(
WITH marked AS (
    INSERT INTO analytics.changed_days (day)
    SELECT DISTINCT d.day FROM unnest($3::date[]) AS d(day)
    ON CONFLICT DO NOTHING)
INSERT INTO analytics.usage_aggregates_daily AS u (account_id, subscription_id, day, metric, events,
    quantity, billable_quantity, cost, currency, created_at, updated_at)
SELECT d.account_id, d.subscription_id, d.day, d.metric, d.events, d.quantity, d.billable, d.cost,
    d.currency, now(), now()
FROM unnest($1::uuid[], $2::uuid[], $3::date[], $4::text[], $5::bigint[], $6::numeric[],
    $7::numeric[], $8::numeric[], $9::text[])
    AS d(account_id, subscription_id, day, metric, events, quantity, billable, cost, currency)
ON CONFLICT (account_id, subscription_id, day, metric) DO UPDATE SET
    events = u.events + excluded.events,
    quantity = u.quantity + excluded.quantity,
    billable_quantity = u.billable_quantity + excluded.billable_quantity,
    cost = u.cost + excluded.cost,
    updated_at = now())";

// A payload that already waits is left as it is, and so is one that was resolved: its record is
// stored, and the same bytes are a duplicate. A discarded payload waits again if it was sent again.
// A new sending has another received_at; a replay of the journal repeats the old one and must not
// reopen the row.
constexpr char const* suspense_sql = R"(
WITH reopened AS (
    UPDATE ingest.suspense AS s SET state = 'waiting', reason = d.reason, detail = d.detail,
        batch_id = $8::uuid, received_at = d.received, attempts = 1, auto_attempts = 0,
        next_attempt_at = now(), tried_catalog_at = NULL, resolved_at = NULL, resolved_by = NULL,
        resolution = NULL
    FROM unnest($1::text[], $2::text[], $3::uuid[], $6::bytea[], $7::timestamptz[])
        AS d(reason, detail, source_id, digest, received)
    WHERE s.source_id = d.source_id AND s.payload_sha256 = d.digest AND s.state = 'discarded'
        AND s.received_at <> d.received
    RETURNING 1),
added AS (
INSERT INTO ingest.suspense (reason, detail, source_id, format, payload, payload_sha256, batch_id,
    received_at)
SELECT d.reason, d.detail, d.source_id, d.format, d.payload, d.digest, $8::uuid, d.received
FROM unnest($1::text[], $2::text[], $3::uuid[], $4::text[], $5::bytea[], $6::bytea[],
    $7::timestamptz[]) AS d(reason, detail, source_id, format, payload, digest, received)
ON CONFLICT (source_id, payload_sha256) DO NOTHING
RETURNING 1)
SELECT (SELECT count(*) FROM reopened) + (SELECT count(*) FROM added))";

// Only rows that still wait: the caller compares the number of rows (R16).
constexpr char const* resolve_sql = R"(
UPDATE ingest.suspense AS s SET state = 'resolved', resolved_at = now(), attempts = s.attempts + 1
FROM unnest($1::uuid[]) AS d(id)
WHERE s.id = d.id AND s.state = 'waiting')";

// Sorted: a lane searches the answer for each of its retried records.
constexpr char const* still_waiting_sql = R"(
SELECT id FROM ingest.suspense WHERE id = ANY ($1::uuid[]) AND state = 'waiting' ORDER BY id)";

// A plain INSERT: the primary key refuses a batch that is stored already, which says that the
// answer to its COMMIT was lost (R9).
constexpr char const* batch_row_sql = R"(
INSERT INTO ingest.batches (id, daemon_id, lane, import_id, received, committed, duplicate,
    suspended, bytes, cost, first_start_time, last_start_time, opened_at, created_at)
VALUES ($1::uuid, $2::uuid, $3::integer, $4::uuid, $5::integer, $6::integer, $7::integer,
    $8::integer, $9::bigint, $10::numeric, $11::timestamptz, $12::timestamptz, $13::timestamptz,
    now()))";

// Without a lock: the batch finds out in its transaction if the row has changed since (R8). A row
// that does not exist is not in the answer.
constexpr char const* load_usage_sql = R"(
SELECT k.place, u.version, u.included_seconds_used
FROM unnest($1::uuid[], $2::timestamptz[]) WITH ORDINALITY AS k(subscription_id, period_start, place)
JOIN billing.subscription_usage AS u
    ON u.subscription_id = k.subscription_id AND u.billing_period_start = k.period_start)";

// Runs after `claim` in its own transaction (batch_writer::is_committed). READ COMMITTED, so it
// sees what a transaction committed that held the claim before.
constexpr char const* is_committed_sql = "SELECT 1 FROM ingest.batches WHERE id = $1::uuid";

// The session makes a new plan for each statement (limits::locks_in_order), and with that also
// the check of each foreign key of each new row, which costs about as much as the insert. These two
// stand before and after the statements that insert such rows and join nothing.
constexpr char const* keep_plans_sql = "SET LOCAL plan_cache_mode = auto";
constexpr char const* renew_plans_sql = "SET LOCAL plan_cache_mode = force_custom_plan";

constexpr std::array statements{
    // Prepared in each new session, so that a batch costs the server no parsing.
    prepared_statement{statement::keep_plans, keep_plans_sql},
    prepared_statement{statement::renew_plans, renew_plans_sql},
    prepared_statement{statement::begin, "BEGIN"},
    prepared_statement{statement::commit, "COMMIT"},
    prepared_statement{statement::claim, "SELECT pg_advisory_xact_lock($1::bigint)"},
    prepared_statement{statement::lock_usage, lock_usage_sql},
    prepared_statement{statement::create_usage, create_usage_sql},
    prepared_statement{statement::usage, usage_sql},
    prepared_statement{statement::new_usage, new_usage_sql},
    prepared_statement{statement::suspense, suspense_sql},
    prepared_statement{statement::resolve, resolve_sql},
    prepared_statement{statement::balances, balances_sql},
    prepared_statement{statement::daily, daily_sql},
    prepared_statement{statement::batch_row, batch_row_sql},
    prepared_statement{statement::load_usage, load_usage_sql},
    prepared_statement{statement::still_waiting, still_waiting_sql},
    prepared_statement{statement::is_committed, is_committed_sql},
};

} // namespace

std::span<prepared_statement const> batch_statements() {
    static auto const all = [] {
        std::vector<prepared_statement> both(statements.begin(), statements.end());
        both.insert(both.end(), event_statements().begin(), event_statements().end());
        return both;
    }();
    return all;
}

} // namespace tally::storage
