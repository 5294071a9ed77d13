-- Usage events of every kind, months summed up from days, and what applications report about
-- themselves. The partitioned tables carry much load: no row triggers, no volatile defaults, one
-- index on an open partition. They have no foreign keys, because an event may name things that only
-- its sender knows.

CREATE TYPE analytics.error_severity AS ENUM ('debug', 'info', 'warning', 'error', 'critical');

CREATE TABLE analytics.usage_events (
    account_id uuid NOT NULL,
    occurred_at timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    category text,
    subject text,
    subscription_id uuid,
    user_id uuid,
    organization_id uuid,
    metric text,
    quantity numeric(28, 9),
    billable_quantity numeric(28, 9),
    cost numeric(20, 9),
    currency char(3),
    properties jsonb,
    source_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT usage_events_pkey PRIMARY KEY (account_id, occurred_at, source, event_id),
    CONSTRAINT usage_events_metered CHECK (metric IS NULL OR (quantity IS NOT NULL AND billable_quantity IS NOT NULL
        AND cost IS NOT NULL AND currency IS NOT NULL))
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE analytics.usage_events IS
    'Events of every kind, partitioned by day of occurred_at (UTC). The metered ones carry what they cost; one that could not be '
    'rated is in ingest.suspense instead';
COMMENT ON COLUMN analytics.usage_events.account_id IS 'All-zero: the event belongs to no account';
COMMENT ON COLUMN analytics.usage_events.source IS 'CloudEvents source; with event_id the identity of the event';
COMMENT ON COLUMN analytics.usage_events.event_id IS 'CloudEvents id';
COMMENT ON COLUMN analytics.usage_events.type IS 'CloudEvents type: usage, feature.used, voucher.session';
COMMENT ON COLUMN analytics.usage_events.category IS 'What reports group types by';
COMMENT ON COLUMN analytics.usage_events.subject IS 'CloudEvents subject, as it came';
COMMENT ON COLUMN analytics.usage_events.metric IS 'Of a metered event, as billing.metric_prices names it';
COMMENT ON COLUMN analytics.usage_events.quantity IS 'In units of the metric';
COMMENT ON COLUMN analytics.usage_events.billable_quantity IS 'Of quantity, what was not covered by what the plan includes';
COMMENT ON COLUMN analytics.usage_events.cost IS
    'In currency units: by how much the event raised the price of its billing period. May be negative: volume tiers make what went '
    'before cheaper';
COMMENT ON COLUMN analytics.usage_events.properties IS 'What else the event''s data says';
COMMENT ON COLUMN analytics.usage_events.source_id IS 'ingest.sources.id of the sender';
COMMENT ON COLUMN analytics.usage_events.batch_id IS 'ingest.batches.id of the transaction that stored it';

CREATE TABLE analytics.api_usage (
    occurred_at timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    account_id uuid,
    subscription_id uuid,
    user_id uuid,
    organization_id uuid,
    api_key_id text,
    method text NOT NULL,
    endpoint text NOT NULL,
    api_version text,
    status_code smallint NOT NULL,
    duration_ms integer,
    request_bytes bigint,
    response_bytes bigint,
    error_code text,
    request_id text,
    ip_address inet,
    user_agent text,
    properties jsonb,
    source_id uuid,
    batch_id uuid,
    received_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT api_usage_pkey PRIMARY KEY (occurred_at, source, event_id),
    CONSTRAINT api_usage_status_code CHECK (status_code BETWEEN 100 AND 599),
    CONSTRAINT api_usage_amounts CHECK (duration_ms >= 0 AND request_bytes >= 0 AND response_bytes >= 0)
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE analytics.api_usage IS
    'Requests to an application''s interface and how they went, partitioned by month of occurred_at (UTC)';
COMMENT ON COLUMN analytics.api_usage.source IS 'CloudEvents source; with event_id the identity of the event';
COMMENT ON COLUMN analytics.api_usage.event_id IS 'CloudEvents id';
COMMENT ON COLUMN analytics.api_usage.endpoint IS 'The route, with names in the place of ids: /v1/users/{id}';
COMMENT ON COLUMN analytics.api_usage.status_code IS 'Of the HTTP answer';
COMMENT ON COLUMN analytics.api_usage.source_id IS 'ingest.sources.id of the sender; null: written by an application itself';
COMMENT ON COLUMN analytics.api_usage.batch_id IS 'ingest.batches.id of the transaction that stored it';

CREATE TABLE analytics.error_logs (
    occurred_at timestamptz NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    severity analytics.error_severity NOT NULL DEFAULT 'error',
    error_type text NOT NULL,
    error_code text,
    message text NOT NULL,
    stack_trace text,
    service text,
    environment text,
    release text,
    account_id uuid,
    user_id uuid,
    organization_id uuid,
    method text,
    endpoint text,
    status_code smallint,
    request_id text,
    ip_address inet,
    user_agent text,
    properties jsonb,
    resolved_at timestamptz,
    resolved_by uuid,
    resolution text,
    source_id uuid,
    batch_id uuid,
    received_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT error_logs_pkey PRIMARY KEY (occurred_at, source, event_id),
    CONSTRAINT error_logs_status_code CHECK (status_code BETWEEN 100 AND 599),
    CONSTRAINT error_logs_resolved CHECK (resolved_at IS NOT NULL OR (resolved_by IS NULL AND resolution IS NULL))
) PARTITION BY RANGE (occurred_at);
COMMENT ON TABLE analytics.error_logs IS 'Errors of applications, partitioned by month of occurred_at (UTC)';
COMMENT ON COLUMN analytics.error_logs.source IS 'CloudEvents source; with event_id the identity of the event';
COMMENT ON COLUMN analytics.error_logs.event_id IS 'CloudEvents id';
COMMENT ON COLUMN analytics.error_logs.error_type IS 'Class of the error, as the application names it';
COMMENT ON COLUMN analytics.error_logs.service IS 'Part of the application that failed';
COMMENT ON COLUMN analytics.error_logs.release IS 'Version of the application';
COMMENT ON COLUMN analytics.error_logs.resolved_by IS 'The user who closed it';
COMMENT ON COLUMN analytics.error_logs.source_id IS 'ingest.sources.id of the sender; null: written by an application itself';
COMMENT ON COLUMN analytics.error_logs.batch_id IS 'ingest.batches.id of the transaction that stored it';

-- A counter: last_used_at has no index, so that updates are HOT.
CREATE TABLE analytics.feature_usage (
    account_id uuid NOT NULL,
    user_id uuid NOT NULL,
    feature text NOT NULL CHECK (feature <> ''),
    organization_id uuid,
    category text,
    uses_count bigint NOT NULL CHECK (uses_count >= 0),
    first_used_at timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    properties jsonb,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT feature_usage_pkey PRIMARY KEY (account_id, user_id, feature),
    CONSTRAINT feature_usage_times CHECK (last_used_at >= first_used_at)
) WITH (fillfactor = 50);
CREATE INDEX feature_usage_user_id_idx ON analytics.feature_usage (user_id);
CREATE INDEX feature_usage_organization_id_idx ON analytics.feature_usage (organization_id);
CREATE INDEX feature_usage_feature_idx ON analytics.feature_usage (feature, first_used_at);
COMMENT ON TABLE analytics.feature_usage IS 'Which features are adopted, by whom and since when: a counter that feature.used events move';
COMMENT ON COLUMN analytics.feature_usage.account_id IS 'All-zero: no account';
COMMENT ON COLUMN analytics.feature_usage.user_id IS 'All-zero: nobody in particular';
COMMENT ON COLUMN analytics.feature_usage.properties IS 'Of the last use';

CREATE TABLE analytics.usage_aggregates_monthly (
    account_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    year smallint NOT NULL CHECK (year BETWEEN 1970 AND 2999),
    month smallint NOT NULL CHECK (month BETWEEN 1 AND 12),
    metric text NOT NULL,
    events bigint NOT NULL,
    quantity numeric(28, 9) NOT NULL,
    billable_quantity numeric(28, 9) NOT NULL,
    cost numeric(24, 9) NOT NULL,
    currency char(3) NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, subscription_id, year, month, metric)
) WITH (fillfactor = 70);
CREATE INDEX usage_aggregates_monthly_month_idx ON analytics.usage_aggregates_monthly (year, month);
COMMENT ON TABLE analytics.usage_aggregates_monthly IS
    'Usage of a calendar month, rolled up from the days by analytics.roll_up_months(); behind by what has come since. '
    'usage_aggregates_current_month is never behind';
COMMENT ON COLUMN analytics.usage_aggregates_monthly.month IS 'Of the days, which are those of the plan''s time zone';

-- Which months must be rolled up again? A trigger on the daily rows would be too slow, and an index
-- on their updated_at would prevent HOT updates. So every transaction that changes days leaves a
-- mark for each day, with the same now(): one or two rows per batch, for which no session waits
-- because the transaction is part of the key. A roll-up takes the marks that its snapshot shows, and
-- the same snapshot shows the days that were changed with them.
CREATE TABLE analytics.changed_days (
    transaction_id xid8 NOT NULL DEFAULT pg_current_xact_id(),
    day date NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (transaction_id, day)
);
COMMENT ON TABLE analytics.changed_days IS
    'Days of usage_aggregates_daily that changed since the last roll-up. Written in the transaction that changes them';
COMMENT ON COLUMN analytics.changed_days.created_at IS 'Start of that transaction, which is also updated_at of the rows it changed';

CREATE FUNCTION analytics.roll_up_months() RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    rows_written bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(x'54414C4C59524F4C'::bigint); -- "TALLYROL": one roll-up at a time
    WITH marked AS (
        DELETE FROM analytics.changed_days RETURNING day, created_at
    ), since AS (
        SELECT m.day, min(m.created_at) AS moment FROM marked AS m GROUP BY m.day
    ), changed AS (
        SELECT DISTINCT d.account_id, d.subscription_id, date_trunc('month', d.day::timestamp)::date AS first_day, d.metric
        FROM since AS s
        JOIN analytics.usage_aggregates_daily AS d ON d.day = s.day AND d.updated_at >= s.moment
    )
    INSERT INTO analytics.usage_aggregates_monthly AS u (account_id, subscription_id, year, month, metric, events,
        quantity, billable_quantity, cost, currency, created_at, updated_at)
    SELECT d.account_id, d.subscription_id, extract(year FROM c.first_day), extract(month FROM c.first_day), d.metric,
        sum(d.events), sum(d.quantity), sum(d.billable_quantity), sum(d.cost), max(d.currency), now(), now()
    FROM changed AS c
    JOIN analytics.usage_aggregates_daily AS d ON d.account_id = c.account_id AND d.subscription_id = c.subscription_id
        AND d.day >= c.first_day AND d.day < (c.first_day + interval '1 month')::date AND d.metric = c.metric
    GROUP BY d.account_id, d.subscription_id, c.first_day, d.metric
    ON CONFLICT (account_id, subscription_id, year, month, metric) DO UPDATE SET
        events = excluded.events, quantity = excluded.quantity, billable_quantity = excluded.billable_quantity,
        cost = excluded.cost, currency = excluded.currency, updated_at = now();
    GET DIAGNOSTICS rows_written = ROW_COUNT;
    RETURN rows_written;
END
$$;
COMMENT ON FUNCTION analytics.roll_up_months() IS
    'Sums up again the months whose days have changed since the last time; returns how many rows it wrote. Costs what has changed';

CREATE FUNCTION analytics.roll_up_month(p_month date, p_account uuid DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    first_day constant date := date_trunc('month', p_month::timestamp)::date;
    next_month constant date := (first_day + interval '1 month')::date;
    its_year constant smallint := extract(year FROM first_day);
    its_month constant smallint := extract(month FROM first_day);
    rows_changed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(x'54414C4C59524F4C'::bigint);
    WITH wanted AS (
        SELECT d.account_id, d.subscription_id, d.metric, sum(d.events) AS events, sum(d.quantity) AS quantity,
            sum(d.billable_quantity) AS billable_quantity, sum(d.cost) AS cost, max(d.currency) AS currency
        FROM analytics.usage_aggregates_daily AS d
        WHERE d.day >= first_day AND d.day < next_month AND (p_account IS NULL OR d.account_id = p_account)
        GROUP BY d.account_id, d.subscription_id, d.metric
    ), written AS (
        INSERT INTO analytics.usage_aggregates_monthly AS u (account_id, subscription_id, year, month, metric, events,
            quantity, billable_quantity, cost, currency, created_at, updated_at)
        SELECT w.account_id, w.subscription_id, its_year, its_month, w.metric,
            w.events, w.quantity, w.billable_quantity, w.cost, w.currency, now(), now()
        FROM wanted AS w
        ON CONFLICT (account_id, subscription_id, year, month, metric) DO UPDATE SET
            events = excluded.events, quantity = excluded.quantity, billable_quantity = excluded.billable_quantity,
            cost = excluded.cost, currency = excluded.currency, updated_at = now()
            WHERE (u.events, u.quantity, u.billable_quantity, u.cost, u.currency) IS DISTINCT FROM
                (excluded.events, excluded.quantity, excluded.billable_quantity, excluded.cost, excluded.currency)
        RETURNING 1
    ), removed AS (
        DELETE FROM analytics.usage_aggregates_monthly AS u
        WHERE u.year = its_year AND u.month = its_month
            AND (p_account IS NULL OR u.account_id = p_account)
            AND NOT EXISTS (SELECT FROM analytics.usage_aggregates_daily AS d WHERE d.account_id = u.account_id
                AND d.subscription_id = u.subscription_id AND d.metric = u.metric AND d.day >= first_day AND d.day < next_month)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM written) + (SELECT count(*) FROM removed) INTO rows_changed;
    RETURN rows_changed;
END
$$;
COMMENT ON FUNCTION analytics.roll_up_month(date, uuid) IS
    'Sums up a whole month again from its days, of all accounts or of one; returns how many rows were not right';

-- Without nested loops, because of `removed`: the planner cannot estimate the rows of `wanted`.
-- The lock keeps batches out between the snapshot of the facts and the change of the daily rows: a
-- batch that had stored its facts but not its days would add them a second time. Readers continue,
-- and so do senders: the journal holds what they send meanwhile.
CREATE FUNCTION analytics.rebuild_daily(p_first date, p_last date, p_account uuid DEFAULT NULL) RETURNS bigint
LANGUAGE plpgsql
SET search_path = pg_catalog
SET timezone = 'UTC'
SET enable_nestloop = off
AS $$
DECLARE
    -- A local day may begin or end up to 14 hours away from the day in UTC.
    from_moment constant timestamptz := p_first - interval '1 day';
    to_moment constant timestamptz := p_last + interval '2 days';
    rows_changed bigint;
BEGIN
    PERFORM pg_advisory_xact_lock(x'54414C4C59524F4C'::bigint);
    LOCK TABLE analytics.usage_aggregates_daily IN SHARE ROW EXCLUSIVE MODE;
    WITH facts AS (
        SELECT c.account_id, c.subscription_id, (c.start_time AT TIME ZONE p.time_zone)::date AS day, 'calls' AS metric,
            c.billsec::numeric AS quantity, c.billed_seconds::numeric AS billable_quantity, c.cost, c.currency
        FROM billing.cdrs AS c
        JOIN billing.subscriptions AS s ON s.id = c.subscription_id
        JOIN billing.rate_plans AS p ON p.id = s.rate_plan_id
        WHERE c.start_time >= from_moment AND c.start_time < to_moment
            AND (p_account IS NULL OR c.account_id = p_account) AND c.processing_status <> 'void'
        UNION ALL
        SELECT e.account_id, coalesce(e.subscription_id, '00000000-0000-0000-0000-000000000000'),
            (e.occurred_at AT TIME ZONE coalesce(p.time_zone, a.time_zone, 'UTC'))::date, e.metric,
            e.quantity, e.billable_quantity, e.cost, e.currency
        FROM analytics.usage_events AS e
        LEFT JOIN billing.accounts AS a ON a.id = e.account_id
        LEFT JOIN billing.subscriptions AS s ON s.id = e.subscription_id
        LEFT JOIN billing.rate_plans AS p ON p.id = s.rate_plan_id
        WHERE e.occurred_at >= from_moment AND e.occurred_at < to_moment
            AND (p_account IS NULL OR e.account_id = p_account) AND e.metric IS NOT NULL
    ), wanted AS (
        SELECT f.account_id, f.subscription_id, f.day, f.metric, count(*) AS events, sum(f.quantity) AS quantity,
            sum(f.billable_quantity) AS billable_quantity, sum(f.cost) AS cost, max(f.currency) AS currency
        FROM facts AS f
        WHERE f.day BETWEEN p_first AND p_last
        GROUP BY f.account_id, f.subscription_id, f.day, f.metric
    ), written AS (
        INSERT INTO analytics.usage_aggregates_daily AS u (account_id, subscription_id, day, metric, events, quantity,
            billable_quantity, cost, currency, created_at, updated_at)
        SELECT w.account_id, w.subscription_id, w.day, w.metric, w.events, w.quantity, w.billable_quantity, w.cost,
            w.currency, now(), now()
        FROM wanted AS w
        ON CONFLICT (account_id, subscription_id, day, metric) DO UPDATE SET
            events = excluded.events, quantity = excluded.quantity, billable_quantity = excluded.billable_quantity,
            cost = excluded.cost, currency = excluded.currency, updated_at = now()
            WHERE (u.events, u.quantity, u.billable_quantity, u.cost, u.currency) IS DISTINCT FROM
                (excluded.events, excluded.quantity, excluded.billable_quantity, excluded.cost, excluded.currency)
        RETURNING 1
    ), removed AS (
        -- A row whose sums were corrected to zero is right as it is.
        DELETE FROM analytics.usage_aggregates_daily AS u
        WHERE u.day BETWEEN p_first AND p_last AND (p_account IS NULL OR u.account_id = p_account)
            AND (u.events, u.quantity, u.billable_quantity, u.cost) <> (0, 0, 0, 0)
            AND NOT EXISTS (SELECT FROM wanted AS w WHERE w.account_id = u.account_id
                AND w.subscription_id = u.subscription_id AND w.day = u.day AND w.metric = u.metric)
        RETURNING 1
    )
    SELECT (SELECT count(*) FROM written) + (SELECT count(*) FROM removed) INTO rows_changed;
    PERFORM analytics.roll_up_month(m::date, p_account)
    FROM generate_series(date_trunc('month', p_first::timestamp), p_last::timestamp, interval '1 month') AS m;
    RETURN rows_changed;
END
$$;
COMMENT ON FUNCTION analytics.rebuild_daily(date, date, uuid) IS
    'Counts the days p_first to p_last, both inclusive, again from calls and events, of all accounts or of one, and rolls up their '
    'months; returns how many days'' rows were not right. Batches wait while it runs';

CREATE FUNCTION analytics.rebuild_month(p_month date, p_account uuid DEFAULT NULL) RETURNS bigint
LANGUAGE sql
SET search_path = pg_catalog
AS $$
    SELECT analytics.rebuild_daily(date_trunc('month', p_month::timestamp)::date,
                                   (date_trunc('month', p_month::timestamp) + interval '1 month' - interval '1 day')::date,
                                   p_account)
$$;
COMMENT ON FUNCTION analytics.rebuild_month(date, uuid) IS
    'Counts the month that holds p_month again from calls and events, day by day, and rolls it up; returns how many days'' rows were '
    'not right';

CREATE VIEW analytics.usage_aggregates_current_month AS
SELECT d.account_id, d.subscription_id, extract(year FROM m.first_day)::smallint AS year,
       extract(month FROM m.first_day)::smallint AS month, d.metric, sum(d.events)::bigint AS events,
       sum(d.quantity)::numeric(28, 9) AS quantity, sum(d.billable_quantity)::numeric(28, 9) AS billable_quantity,
       sum(d.cost)::numeric(24, 9) AS cost, max(d.currency)::char(3) AS currency, max(d.updated_at) AS updated_at
FROM analytics.usage_aggregates_daily AS d
LEFT JOIN billing.accounts AS a ON a.id = d.account_id
LEFT JOIN billing.subscriptions AS s ON s.id = d.subscription_id
LEFT JOIN billing.rate_plans AS p ON p.id = s.rate_plan_id
CROSS JOIN LATERAL (
    SELECT date_trunc('month', now() AT TIME ZONE coalesce(p.time_zone, a.time_zone, 'UTC'))::date AS first_day
) AS m
-- No time zone has an earlier month than this one. A condition of its own, because an index serves
-- it.
WHERE d.day >= date_trunc('month', now() AT TIME ZONE 'UTC' - interval '1 day')::date
  AND d.day >= m.first_day AND d.day < (m.first_day + interval '1 month')::date
GROUP BY d.account_id, d.subscription_id, m.first_day, d.metric;
COMMENT ON VIEW analytics.usage_aggregates_current_month IS
    'Usage of the running month of each plan''s time zone, from the days: exact at any moment';

CREATE VIEW billing.usage_records AS
SELECT event_id AS id, source, account_id, subscription_id, user_id, metric AS metric_name, quantity, billable_quantity,
       cost, currency, occurred_at AS "timestamp", coalesce(properties, '{}') AS metadata, created_at,
       NULL::timestamptz AS deleted_at
FROM analytics.usage_events
WHERE metric IS NOT NULL;
COMMENT ON VIEW billing.usage_records IS 'The metered usage events, by the names subscription applications know';
COMMENT ON COLUMN billing.usage_records.deleted_at IS 'Always null: what was metered is not deleted';

-- account_id of an event may be the nil uuid, so only the subscription can become a foreign key. An
-- account with events cannot be deleted because of billing.subscription_metric_usage.
INSERT INTO ingest.partitioned_tables (table_name, time_column, span, sealed_indexes, sealed_foreign_keys) VALUES
    ('analytics.usage_events', 'occurred_at', 'day',
     '{"subscription_id, metric, occurred_at","user_id, occurred_at","organization_id, occurred_at","metric, occurred_at","type, occurred_at","occurred_at"}',
     '{"FOREIGN KEY (subscription_id) REFERENCES billing.subscriptions (id) ON DELETE RESTRICT"}'),
    ('analytics.api_usage', 'occurred_at', 'month',
     '{"account_id, occurred_at","user_id, occurred_at","organization_id, occurred_at","endpoint, occurred_at","status_code, occurred_at"}', '{}'),
    ('analytics.error_logs', 'occurred_at', 'month',
     '{"severity, occurred_at","error_type, occurred_at","account_id, occurred_at","user_id, occurred_at","organization_id, occurred_at","request_id"}', '{}');
SELECT ingest.create_partition('analytics.usage_events', now());
SELECT ingest.create_partition('analytics.usage_events', now() + interval '1 day');
SELECT ingest.create_partition('analytics.api_usage', now());
SELECT ingest.create_partition('analytics.api_usage', now() + interval '1 month');
SELECT ingest.create_partition('analytics.error_logs', now());
SELECT ingest.create_partition('analytics.error_logs', now() + interval '1 month');
