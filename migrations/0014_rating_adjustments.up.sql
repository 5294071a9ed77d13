-- Changes of calls after they were stored, and the runs that changed many of them.

CREATE TYPE billing.rerate_state AS ENUM ('running', 'done', 'given_up');
CREATE TYPE billing.adjustment_kind AS ENUM ('rerate', 'void', 'dispute', 'restore');

CREATE TABLE billing.rerate_runs (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    selection text NOT NULL CHECK (selection <> ''),
    state billing.rerate_state NOT NULL DEFAULT 'running',
    position_period_start timestamptz,
    position_subscription_id uuid,
    position_moment timestamptz,
    position_start_time timestamptz,
    position_uuid uuid,
    periods bigint NOT NULL DEFAULT 0 CHECK (periods >= 0),
    calls_seen bigint NOT NULL DEFAULT 0 CHECK (calls_seen >= 0),
    calls_changed bigint NOT NULL DEFAULT 0 CHECK (calls_changed >= 0),
    calls_unchanged bigint NOT NULL DEFAULT 0 CHECK (calls_unchanged >= 0),
    calls_frozen bigint NOT NULL DEFAULT 0 CHECK (calls_frozen >= 0),
    calls_unrated bigint NOT NULL DEFAULT 0 CHECK (calls_unrated >= 0),
    old_cost numeric(28, 9) NOT NULL DEFAULT 0,
    new_cost numeric(28, 9) NOT NULL DEFAULT 0,
    requested_by text NOT NULL CHECK (requested_by <> ''),
    reason text,
    runs integer NOT NULL DEFAULT 1 CHECK (runs > 0),
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT rerate_runs_finished CHECK ((state = 'running') = (finished_at IS NULL)),
    CONSTRAINT rerate_runs_counts CHECK (calls_seen = calls_changed + calls_unchanged + calls_frozen + calls_unrated)
);
CREATE UNIQUE INDEX rerate_runs_running_key ON billing.rerate_runs (selection) WHERE state = 'running';
COMMENT ON TABLE billing.rerate_runs IS
    'Runs of tallyd rerate that wrote; one that was cut short goes on from its position when the same selection is given again';
COMMENT ON COLUMN billing.rerate_runs.selection IS 'What was asked for, as JSON in one spelling';
COMMENT ON COLUMN billing.rerate_runs.position_period_start IS
    'Everything up to the position is done; moved in the transaction of each batch. Periods go by start, then subscription; null: '
    'none is done';
COMMENT ON COLUMN billing.rerate_runs.position_moment IS
    'Within the period: answer time, or start time, of the last call done; null: the whole period is done';
COMMENT ON COLUMN billing.rerate_runs.periods IS 'Billing periods done';
COMMENT ON COLUMN billing.rerate_runs.calls_frozen IS 'Left alone: void, disputed, billed';
COMMENT ON COLUMN billing.rerate_runs.calls_unrated IS 'Left as they are because no rate fits them any more';
COMMENT ON COLUMN billing.rerate_runs.old_cost IS 'Sum over the changed calls, whatever the currency';
COMMENT ON COLUMN billing.rerate_runs.runs IS 'How often it was begun: more than one after a kill';
CREATE TRIGGER rerate_runs_updated_at BEFORE UPDATE ON billing.rerate_runs
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

CREATE TABLE billing.cdr_adjustments (
    account_id uuid NOT NULL REFERENCES billing.accounts (id) ON DELETE RESTRICT,
    start_time timestamptz NOT NULL,
    uuid uuid NOT NULL,
    id uuid NOT NULL,
    kind billing.adjustment_kind NOT NULL,
    rerate_run_id uuid REFERENCES billing.rerate_runs (id) ON DELETE RESTRICT,
    old_status billing.processing_status NOT NULL,
    new_status billing.processing_status NOT NULL,
    old_cost numeric(20, 9) NOT NULL,
    new_cost numeric(20, 9) NOT NULL,
    old_billed_seconds integer NOT NULL,
    new_billed_seconds integer NOT NULL,
    old_allowance_seconds integer NOT NULL,
    new_allowance_seconds integer NOT NULL,
    old_rate_id uuid,
    new_rate_id uuid,
    currency char(3) NOT NULL CHECK (currency ~ '^[A-Z]{3}$'),
    reason text,
    adjusted_by text NOT NULL CHECK (adjusted_by <> ''),
    created_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, start_time, uuid, id),
    CONSTRAINT cdr_adjustments_run CHECK ((kind = 'rerate') = (rerate_run_id IS NOT NULL)),
    CONSTRAINT cdr_adjustments_reason CHECK (kind = 'rerate' OR reason <> '')
);
CREATE INDEX cdr_adjustments_rerate_run_id_idx ON billing.cdr_adjustments (rerate_run_id);
COMMENT ON TABLE billing.cdr_adjustments IS
    'One row for each change to a stored call, written with it. No foreign key to cdrs: calls go with their partition, this stays';
COMMENT ON COLUMN billing.cdr_adjustments.uuid IS 'Key of the call, with account_id and start_time';
COMMENT ON COLUMN billing.cdr_adjustments.id IS 'UUIDv7: a call''s adjustments in their order';
COMMENT ON COLUMN billing.cdr_adjustments.old_cost IS
    'In currency units. A void call keeps its figures, which count nothing while it is void: old and new are alike, the status tells';
COMMENT ON COLUMN billing.cdr_adjustments.reason IS 'Why: for void, dispute and restore always, for a rerating when one was given';
COMMENT ON COLUMN billing.cdr_adjustments.adjusted_by IS 'Who ran the command';
COMMENT ON COLUMN billing.cdr_adjustments.created_at IS 'Start of the transaction';
