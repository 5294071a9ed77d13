#include "storage/batch/batch_statements.hpp"
#include "storage/batch/event_statements.hpp"

#include <array>

namespace tally::storage {

namespace {

// Inserts the identities that are new. If another transaction has inserted one and not committed
// yet, this waits for its end. Fewer rows than events: some events are stored already.
constexpr char const* identities_sql = R"(
WITH written AS (
    INSERT INTO ingest.event_identities (id, content, occurred_at, batch_id, created_at)
    SELECT d.id, d.content, d.occurred_at, $4::uuid, now()
    FROM unnest($1::uuid[], $2::bigint[], $3::timestamptz[]) AS d(id, content, occurred_at)
    ON CONFLICT (id) DO NOTHING
    RETURNING 1)
SELECT count(*) FROM written)";

// Compare-and-set as in usage_sql: a row changes only if it has the version that the batch was
// rated on (R8).
// A row that is expected, but missing, would be inserted. Its created_at, -infinity, tells it from
// a row that was updated: it is not counted, so the batch is stale and the row is rolled back.
constexpr char const* metrics_sql = R"(
WITH written AS (
    INSERT INTO billing.subscription_metric_usage AS u (subscription_id, account_id,
        billing_period_start, billing_period_end, metric, events_count, quantity,
        included_quantity_used, cost, currency, last_usage_at, version, created_at, updated_at)
    SELECT d.subscription_id, d.account_id, d.period_start, d.period_end, d.metric, d.events,
        d.total, d.included, d.cost, d.currency, d.last_usage, d.expected + 1,
        CASE WHEN d.expected = 0 THEN now() ELSE '-infinity'::timestamptz END, now()
    FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[],
        $6::bigint[], $7::numeric[], $8::numeric[], $9::numeric[], $10::text[],
        $11::timestamptz[], $12::bigint[])
        AS d(subscription_id, account_id, period_start, period_end, metric, events, total,
            included, cost, currency, last_usage, expected)
    ON CONFLICT (subscription_id, billing_period_start, metric) DO UPDATE SET
        events_count = u.events_count + excluded.events_count,
        quantity = excluded.quantity,
        included_quantity_used = excluded.included_quantity_used,
        cost = u.cost + excluded.cost,
        last_usage_at = greatest(u.last_usage_at, excluded.last_usage_at),
        version = u.version + 1,
        updated_at = now()
        WHERE u.version = excluded.version - 1
    RETURNING u.created_at = '-infinity' AS unexpected)
SELECT count(*) FILTER (WHERE NOT unexpected) FROM written)";

// As lock_usage_sql: inserts missing rows, locks existing ones, updates nothing.
constexpr char const* lock_metrics_sql = R"(
INSERT INTO billing.subscription_metric_usage AS u (subscription_id, account_id,
    billing_period_start, billing_period_end, metric, currency, created_at, updated_at)
SELECT d.subscription_id, d.account_id, d.period_start, d.period_end, d.metric, d.currency, now(),
    now()
FROM unnest($1::uuid[], $2::uuid[], $3::timestamptz[], $4::timestamptz[], $5::text[], $6::text[])
    AS d(subscription_id, account_id, period_start, period_end, metric, currency)
ON CONFLICT (subscription_id, billing_period_start, metric) DO UPDATE SET version = u.version
    WHERE false)";

// A value that another batch has counted meanwhile is not inserted; the caller compares the number
// of rows.
constexpr char const* unique_values_sql = R"(
INSERT INTO billing.metric_unique_values (subscription_id, billing_period_start, metric, value_id,
    created_at)
SELECT d.subscription_id, d.period_start, d.metric, d.value_id, now()
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[])
    AS d(subscription_id, period_start, metric, value_id)
ON CONFLICT DO NOTHING)";

// The next three statements sum up their rows by key first, since INSERT ... ON CONFLICT may change
// a row only once, and write them in key order, the order of locks (R13). "Last" values depend on
// the event's time, not on the order of arrival, so that a replay gives the same result.

constexpr char const* features_sql = R"(
INSERT INTO analytics.feature_usage AS u (account_id, user_id, feature, organization_id, category,
    uses_count, first_used_at, last_used_at, properties, created_at, updated_at)
SELECT d.account_id, d.user_id, d.feature,
    (array_agg(d.organization_id ORDER BY d.at DESC) FILTER (WHERE d.organization_id IS NOT NULL))[1],
    (array_agg(d.category ORDER BY d.at DESC, d.category) FILTER (WHERE d.category IS NOT NULL))[1],
    sum(d.uses), min(d.at), max(d.at),
    (array_agg(d.properties ORDER BY d.at DESC, d.properties DESC NULLS LAST))[1], now(), now()
FROM unnest($1::uuid[], $2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::bigint[],
    $7::timestamptz[], $8::jsonb[])
    AS d(account_id, user_id, feature, organization_id, category, uses, at, properties)
GROUP BY d.account_id, d.user_id, d.feature
ORDER BY d.account_id, d.user_id, d.feature
ON CONFLICT (account_id, user_id, feature) DO UPDATE SET
    organization_id = CASE WHEN excluded.last_used_at > u.last_used_at
        THEN coalesce(excluded.organization_id, u.organization_id)
        ELSE coalesce(u.organization_id, excluded.organization_id) END,
    category = CASE WHEN excluded.last_used_at > u.last_used_at
        THEN coalesce(excluded.category, u.category) ELSE coalesce(u.category, excluded.category) END,
    uses_count = u.uses_count + excluded.uses_count,
    first_used_at = least(u.first_used_at, excluded.first_used_at),
    last_used_at = greatest(u.last_used_at, excluded.last_used_at),
    properties = CASE WHEN (excluded.last_used_at, coalesce(excluded.properties, 'null')) >
        (u.last_used_at, coalesce(u.properties, 'null')) THEN excluded.properties
        ELSE u.properties END,
    updated_at = now())";

constexpr char const* api_days_sql = R"(
INSERT INTO analytics.api_usage_daily AS u (account_id, day, endpoint, method, requests,
    client_errors, server_errors, timed_requests, duration_ms_total, duration_ms_max,
    request_bytes, response_bytes, created_at, updated_at)
SELECT d.account_id, (d.at AT TIME ZONE 'UTC')::date, d.endpoint, d.method, count(*),
    count(*) FILTER (WHERE d.status BETWEEN 400 AND 499), count(*) FILTER (WHERE d.status >= 500),
    count(d.duration), coalesce(sum(d.duration), 0), max(d.duration),
    coalesce(sum(d.request_bytes), 0), coalesce(sum(d.response_bytes), 0), now(), now()
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::text[], $5::integer[], $6::bigint[],
    $7::bigint[], $8::bigint[])
    AS d(account_id, at, endpoint, method, status, duration, request_bytes, response_bytes)
GROUP BY 1, 2, 3, 4
ORDER BY 1, 2, 3, 4
ON CONFLICT (account_id, day, endpoint, method) DO UPDATE SET
    requests = u.requests + excluded.requests,
    client_errors = u.client_errors + excluded.client_errors,
    server_errors = u.server_errors + excluded.server_errors,
    timed_requests = u.timed_requests + excluded.timed_requests,
    duration_ms_total = u.duration_ms_total + excluded.duration_ms_total,
    duration_ms_max = greatest(u.duration_ms_max, excluded.duration_ms_max),
    request_bytes = u.request_bytes + excluded.request_bytes,
    response_bytes = u.response_bytes + excluded.response_bytes,
    updated_at = now())";

// Of two errors at the same time the one with the greater message is the last one, whichever
// arrived first.
constexpr char const* error_groups_sql = R"(
INSERT INTO analytics.error_groups AS u (account_id, service, fingerprint, severity, error_type,
    message, release, occurrences, first_seen_at, last_seen_at, created_at, updated_at)
SELECT d.account_id, d.service, d.fingerprint, max(d.severity::analytics.error_severity),
    (array_agg(d.type ORDER BY d.at DESC, d.message DESC))[1],
    (array_agg(d.message ORDER BY d.at DESC, d.message DESC))[1],
    (array_agg(d.release ORDER BY d.at DESC, d.message DESC))[1],
    count(*), min(d.at), max(d.at), now(), now()
FROM unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[],
    $6::text[], $7::text[], $8::timestamptz[])
    AS d(account_id, service, fingerprint, severity, type, message, release, at)
GROUP BY d.account_id, d.service, d.fingerprint
ORDER BY d.account_id, d.service, d.fingerprint
ON CONFLICT (account_id, service, fingerprint) DO UPDATE SET
    severity = greatest(u.severity, excluded.severity),
    error_type = CASE WHEN (excluded.last_seen_at, excluded.message) > (u.last_seen_at, u.message)
        THEN excluded.error_type ELSE u.error_type END,
    message = CASE WHEN (excluded.last_seen_at, excluded.message) > (u.last_seen_at, u.message)
        THEN excluded.message ELSE u.message END,
    release = CASE WHEN (excluded.last_seen_at, excluded.message) > (u.last_seen_at, u.message)
        THEN excluded.release ELSE u.release END,
    occurrences = u.occurrences + excluded.occurrences,
    first_seen_at = least(u.first_seen_at, excluded.first_seen_at),
    last_seen_at = greatest(u.last_seen_at, excluded.last_seen_at),
    updated_at = now())";

constexpr char const* load_metrics_sql = R"(
SELECT k.place, u.version, u.quantity, u.last_usage_at
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[]) WITH ORDINALITY
    AS k(subscription_id, period_start, metric, place)
JOIN billing.subscription_metric_usage AS u ON u.subscription_id = k.subscription_id
    AND u.billing_period_start = k.period_start AND u.metric = k.metric)";

// Read before rating, since a value that is counted already costs nothing. One that another session
// counts meanwhile makes the batch stale.
constexpr char const* counted_values_sql = R"(
SELECT u.subscription_id, u.billing_period_start, u.metric, u.value_id
FROM unnest($1::uuid[], $2::timestamptz[], $3::text[], $4::uuid[])
    AS k(subscription_id, period_start, metric, value_id)
JOIN billing.metric_unique_values AS u ON u.subscription_id = k.subscription_id
    AND u.billing_period_start = k.period_start AND u.metric = k.metric
    AND u.value_id = k.value_id)";

// The content tells a duplicate from a conflict (R6).
constexpr char const* stored_events_sql = R"(
SELECT e.id, e.content FROM unnest($1::uuid[]) AS k(id)
JOIN ingest.event_identities AS e ON e.id = k.id)";

constexpr std::array statements{
    prepared_statement{statement::identities, identities_sql},
    prepared_statement{statement::lock_metrics, lock_metrics_sql},
    prepared_statement{statement::metrics, metrics_sql},
    prepared_statement{statement::unique_values, unique_values_sql},
    prepared_statement{statement::features, features_sql},
    prepared_statement{statement::api_days, api_days_sql},
    prepared_statement{statement::error_groups, error_groups_sql},
    prepared_statement{statement::load_metrics, load_metrics_sql},
    prepared_statement{statement::counted_values, counted_values_sql},
    prepared_statement{statement::stored_events, stored_events_sql},
};

} // namespace

std::span<prepared_statement const> event_statements() {
    return statements;
}

} // namespace tally::storage
