-- The tables for events besides those of their facts: the identity of every event, the values that
-- a metric has counted, and counters by route, by error and by feature.

-- CloudEvents identifies an event by source and id, whatever its time is, but a unique key of a
-- partitioned table must contain the time. So the identity has a table of its own. A batch writes
-- these rows before any fact, so that a repeated event is found here, also by another daemon.
CREATE TABLE ingest.event_identities (
    id uuid NOT NULL,
    content bigint NOT NULL,
    occurred_at timestamptz NOT NULL,
    batch_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT event_identities_pkey PRIMARY KEY (id)
);
COMMENT ON TABLE ingest.event_identities IS
    'Every usage event that was stored, of any kind, so that it counts once. A row may go when its sender cannot send the event again';
COMMENT ON COLUMN ingest.event_identities.id IS 'UUIDv5 of source, a zero byte and id of the event';
COMMENT ON COLUMN ingest.event_identities.content IS
    'Hash of what the event says: another event of this identity is a duplicate when it says the same, else a conflict';
COMMENT ON COLUMN ingest.event_identities.occurred_at IS 'With the table of the event''s kind, where it is stored';
COMMENT ON COLUMN ingest.event_identities.batch_id IS 'ingest.batches.id of the transaction that stored it';

CREATE TABLE billing.metric_unique_values (
    subscription_id uuid NOT NULL REFERENCES billing.subscriptions (id) ON DELETE CASCADE,
    billing_period_start timestamptz NOT NULL,
    metric text NOT NULL CHECK (metric <> ''),
    value_id uuid NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT metric_unique_values_pkey PRIMARY KEY (subscription_id, billing_period_start, metric, value_id)
);
COMMENT ON TABLE billing.metric_unique_values IS
    'Values that a metric of aggregation unique has counted in a billing period: each counts once';
COMMENT ON COLUMN billing.metric_unique_values.value_id IS 'UUIDv5 of the value';

-- Counters: no trigger, no index on the columns that change, room for HOT updates.
CREATE TABLE analytics.api_usage_daily (
    account_id uuid NOT NULL,
    day date NOT NULL,
    endpoint text NOT NULL,
    method text NOT NULL,
    requests bigint NOT NULL CHECK (requests >= 0),
    client_errors bigint NOT NULL CHECK (client_errors >= 0),
    server_errors bigint NOT NULL CHECK (server_errors >= 0),
    timed_requests bigint NOT NULL CHECK (timed_requests >= 0),
    duration_ms_total bigint NOT NULL CHECK (duration_ms_total >= 0),
    duration_ms_max integer CHECK (duration_ms_max >= 0),
    request_bytes bigint NOT NULL CHECK (request_bytes >= 0),
    response_bytes bigint NOT NULL CHECK (response_bytes >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    CONSTRAINT api_usage_daily_pkey PRIMARY KEY (account_id, day, endpoint, method)
) WITH (fillfactor = 50);
CREATE INDEX api_usage_daily_day_idx ON analytics.api_usage_daily (day, endpoint);
COMMENT ON TABLE analytics.api_usage_daily IS 'Requests of a day by route, kept in the transaction that stores them';
COMMENT ON COLUMN analytics.api_usage_daily.account_id IS 'All-zero: of no account';
COMMENT ON COLUMN analytics.api_usage_daily.day IS 'UTC';
COMMENT ON COLUMN analytics.api_usage_daily.client_errors IS 'Answered with a status of 400 to 499; server_errors: 500 and more';
COMMENT ON COLUMN analytics.api_usage_daily.timed_requests IS
    'Those that say their duration: the mean is duration_ms_total / timed_requests';
COMMENT ON COLUMN analytics.api_usage_daily.duration_ms_max IS 'Null: none says its duration';

ALTER TABLE analytics.error_logs ADD COLUMN fingerprint text;
COMMENT ON COLUMN analytics.error_logs.fingerprint IS 'What makes two errors the same one; analytics.error_groups counts by it';

CREATE TABLE analytics.error_groups (
    account_id uuid NOT NULL,
    service text NOT NULL,
    fingerprint text NOT NULL CHECK (fingerprint <> ''),
    severity analytics.error_severity NOT NULL,
    error_type text NOT NULL,
    message text NOT NULL,
    release text,
    occurrences bigint NOT NULL CHECK (occurrences > 0),
    first_seen_at timestamptz NOT NULL,
    last_seen_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT error_groups_pkey PRIMARY KEY (account_id, service, fingerprint),
    CONSTRAINT error_groups_times CHECK (last_seen_at >= first_seen_at)
) WITH (fillfactor = 50);
COMMENT ON TABLE analytics.error_groups IS 'Errors that are the same one, counted: error_logs has each time it happened';
COMMENT ON COLUMN analytics.error_groups.account_id IS 'All-zero: of no account';
COMMENT ON COLUMN analytics.error_groups.service IS 'Empty: the sender named none';
COMMENT ON COLUMN analytics.error_groups.severity IS 'The worst it was';
COMMENT ON COLUMN analytics.error_groups.message IS 'As it was the last time; likewise error_type and release';

CREATE FUNCTION analytics.rebuild_api_usage_daily(p_first date, p_last date) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog
SET timezone = 'UTC'
SET enable_nestloop = off
AS $$
DECLARE
    rows_changed bigint;
BEGIN
    LOCK TABLE analytics.api_usage_daily IN SHARE ROW EXCLUSIVE MODE;
    WITH wanted AS (
        SELECT coalesce(a.account_id, '00000000-0000-0000-0000-000000000000') AS account_id, a.occurred_at::date AS day,
            a.endpoint, a.method, count(*) AS requests,
            count(*) FILTER (WHERE a.status_code BETWEEN 400 AND 499) AS client_errors,
            count(*) FILTER (WHERE a.status_code >= 500) AS server_errors, count(a.duration_ms) AS timed_requests,
            coalesce(sum(a.duration_ms), 0) AS duration_ms_total, max(a.duration_ms) AS duration_ms_max,
            coalesce(sum(a.request_bytes), 0) AS request_bytes, coalesce(sum(a.response_bytes), 0) AS response_bytes
        FROM analytics.api_usage AS a
        WHERE a.occurred_at >= p_first AND a.occurred_at < p_last + 1
        GROUP BY 1, 2, 3, 4
    ), written AS (
        INSERT INTO analytics.api_usage_daily AS u (account_id, day, endpoint, method, requests, client_errors,
            server_errors, timed_requests, duration_ms_total, duration_ms_max, request_bytes, response_bytes,
            created_at, updated_at)
        SELECT w.*, now(), now() FROM wanted AS w
        ON CONFLICT (account_id, day, endpoint, method) DO UPDATE SET
            requests = excluded.requests, client_errors = excluded.client_errors, server_errors = excluded.server_errors,
            timed_requests = excluded.timed_requests, duration_ms_total = excluded.duration_ms_total,
            duration_ms_max = excluded.duration_ms_max, request_bytes = excluded.request_bytes,
            response_bytes = excluded.response_bytes, updated_at = now()
            WHERE (u.requests, u.client_errors, u.server_errors, u.timed_requests, u.duration_ms_total, u.duration_ms_max,
                u.request_bytes, u.response_bytes) IS DISTINCT FROM (excluded.requests, excluded.client_errors,
                excluded.server_errors, excluded.timed_requests, excluded.duration_ms_total, excluded.duration_ms_max,
                excluded.request_bytes, excluded.response_bytes)
        RETURNING 1
    ), removed AS (
        DELETE FROM analytics.api_usage_daily AS u
        WHERE u.day BETWEEN p_first AND p_last
            AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.account_id = u.account_id AND w.day = u.day
                AND w.endpoint = u.endpoint AND w.method = u.method)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM written) + (SELECT count(*) FROM removed) INTO rows_changed;
    RETURN rows_changed;
END
$$;
COMMENT ON FUNCTION analytics.rebuild_api_usage_daily(date, date) IS
    'Counts the days p_first to p_last, both inclusive, again from api_usage; returns how many rows were not right. Batches wait '
    'while it runs';
