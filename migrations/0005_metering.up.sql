-- Calls, and the counters that they change. These tables carry the daemon's whole load: no row
-- triggers, no volatile defaults, one index on an open partition of cdrs, and counters are updated
-- in place (HOT).

CREATE TYPE billing.processing_status AS ENUM
    ('rated', 'zero_rated', 'rerated', 'disputed', 'void', 'billed');

CREATE TABLE billing.cdrs (
    account_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    uuid uuid NOT NULL,
    source_id uuid NOT NULL,
    batch_id uuid NOT NULL,
    caller_id text NOT NULL,
    destination text NOT NULL,
    direction billing.call_direction NOT NULL,
    call_type text,
    start_time timestamptz NOT NULL,
    answer_time timestamptz,
    end_time timestamptz NOT NULL,
    duration integer NOT NULL,
    billsec integer NOT NULL,
    billable_seconds integer,
    billed_seconds integer NOT NULL,
    allowance_seconds integer NOT NULL,
    matched_prefix text,
    rate_id uuid,
    rate_per_minute numeric(20, 9),
    connect_fee numeric(20, 9) NOT NULL,
    cost numeric(20, 9) NOT NULL,
    currency char(3) NOT NULL,
    hangup_cause text,
    processing_status billing.processing_status NOT NULL,
    metadata jsonb,
    created_at timestamptz NOT NULL,
    CONSTRAINT cdrs_pkey PRIMARY KEY (account_id, start_time, uuid),
    CONSTRAINT cdrs_times CHECK (end_time >= start_time)
) PARTITION BY RANGE (start_time);
COMMENT ON TABLE billing.cdrs IS
    'Rated calls, partitioned by day of start_time (UTC). A call that could not be rated is in ingest.suspense instead';
COMMENT ON COLUMN billing.cdrs.uuid IS
    'The switch''s call id, without prefixes; one that is no UUID is mapped by UUIDv5 and kept in metadata';
COMMENT ON COLUMN billing.cdrs.start_time IS 'To the whole second, so that a call has one key however it was reported';
COMMENT ON COLUMN billing.cdrs.duration IS 'Seconds from start to end, the switch''s own figure';
COMMENT ON COLUMN billing.cdrs.billsec IS 'Seconds from answer to end, the switch''s own figure';
COMMENT ON COLUMN billing.cdrs.caller_id IS
    'E.164 digits where the source has number rules, else as sent; metadata->>''sent_caller_id'' is what was sent when that is more '
    'than a + away';
COMMENT ON COLUMN billing.cdrs.destination IS 'As caller_id; metadata->>''sent_destination''';
COMMENT ON COLUMN billing.cdrs.billable_seconds IS
    'Seconds that are billed before increments, from exact times, a started one counted whole; null: as billsec';
COMMENT ON COLUMN billing.cdrs.billed_seconds IS 'What was charged or drawn from the allowance, in whole increments';
COMMENT ON COLUMN billing.cdrs.allowance_seconds IS 'Of billed_seconds, covered by the plan''s included minutes';
COMMENT ON COLUMN billing.cdrs.matched_prefix IS 'Of the rate; null for an unanswered call that no rate matches';
COMMENT ON COLUMN billing.cdrs.rate_per_minute IS 'Of the step the call began in, in currency units per 60 s';
COMMENT ON COLUMN billing.cdrs.cost IS 'In currency units; rounded once by the plan''s rule';
COMMENT ON COLUMN billing.cdrs.batch_id IS 'ingest.batches.id of the transaction that stored it';

CREATE TABLE billing.subscription_usage (
    subscription_id uuid NOT NULL REFERENCES billing.subscriptions (id) ON DELETE RESTRICT,
    account_id uuid NOT NULL REFERENCES billing.accounts (id) ON DELETE RESTRICT,
    billing_period_start timestamptz NOT NULL,
    billing_period_end timestamptz NOT NULL,
    seconds_used bigint NOT NULL DEFAULT 0 CHECK (seconds_used >= 0),
    included_seconds_used bigint NOT NULL DEFAULT 0 CHECK (included_seconds_used >= 0),
    minutes_used numeric(16, 4) GENERATED ALWAYS AS (round(seconds_used / 60.0, 4)) STORED,
    included_minutes_used numeric(16, 4) GENERATED ALWAYS AS (round(included_seconds_used / 60.0, 4)) STORED,
    overage_minutes numeric(16, 4) GENERATED ALWAYS AS (round((seconds_used - included_seconds_used) / 60.0, 4)) STORED,
    calls_count bigint NOT NULL DEFAULT 0 CHECK (calls_count >= 0),
    sms_used numeric(28, 9) NOT NULL DEFAULT 0,
    data_used_mb numeric(28, 9) NOT NULL DEFAULT 0,
    overage_cost numeric(24, 9) NOT NULL DEFAULT 0,
    total_cost numeric(24, 9) NOT NULL DEFAULT 0,
    currency char(3) NOT NULL,
    last_usage_at timestamptz,
    version bigint NOT NULL DEFAULT 1 CHECK (version > 0),
    corrections bigint NOT NULL DEFAULT 0,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (subscription_id, billing_period_start),
    CONSTRAINT subscription_usage_period CHECK (billing_period_end > billing_period_start),
    CONSTRAINT subscription_usage_included CHECK (included_seconds_used <= seconds_used)
) WITH (fillfactor = 50);
CREATE INDEX subscription_usage_account_id_idx ON billing.subscription_usage (account_id);
CREATE INDEX subscription_usage_period_idx ON billing.subscription_usage (billing_period_start, billing_period_end);
COMMENT ON TABLE billing.subscription_usage IS
    'What a subscription has used in a billing period. Its declared foreign keys also protect every account and subscription that has '
    'a call: the batch that stores a call writes this row first';
COMMENT ON COLUMN billing.subscription_usage.seconds_used IS
    'Billed seconds, those of the allowance included; minutes are derived from seconds so that sums stay exact';
COMMENT ON COLUMN billing.subscription_usage.sms_used IS
    'Sum of the quantities of the metric sms, as exact as they came. Below zero where corrections (negative quantities) outweigh the '
    'rest: one belongs to the period of its own time, which may be later than that of what it corrects, and may come first. Hence no '
    'check: it would see what a batch adds before that meets the row';
COMMENT ON COLUMN billing.subscription_usage.data_used_mb IS 'As sms_used, of the metric data_mb';
COMMENT ON COLUMN billing.subscription_usage.overage_cost IS
    'Cost of calls that were not wholly covered by the allowance, in currency units';
COMMENT ON COLUMN billing.subscription_usage.total_cost IS 'Sum of the cost of all records of the period, in currency units';
COMMENT ON COLUMN billing.subscription_usage.corrections IS
    'Moved by one whenever stored calls of the period are changed (rerated, voided, disputed): a rerating that sees it move has to '
    'look again';
COMMENT ON COLUMN billing.subscription_usage.version IS
    'Moved by one with each batch, by compare-and-set: a daemon with a stale allowance changes nothing';

CREATE TABLE analytics.usage_aggregates_daily (
    account_id uuid NOT NULL,
    subscription_id uuid NOT NULL,
    day date NOT NULL,
    metric text NOT NULL,
    events bigint NOT NULL,
    quantity numeric(28, 9) NOT NULL,
    billable_quantity numeric(28, 9) NOT NULL,
    cost numeric(24, 9) NOT NULL,
    currency char(3) NOT NULL,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, subscription_id, day, metric)
) WITH (fillfactor = 50);
CREATE INDEX usage_aggregates_daily_day_idx ON analytics.usage_aggregates_daily (day);
COMMENT ON TABLE analytics.usage_aggregates_daily IS 'Usage of a day, kept in the transaction that stores the records';
COMMENT ON COLUMN analytics.usage_aggregates_daily.day IS 'Local date in the plan''s time zone';
COMMENT ON COLUMN analytics.usage_aggregates_daily.metric IS 'calls: quantity is answered seconds, billable_quantity billed seconds';
