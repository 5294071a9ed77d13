-- The effects of events that are stored and not yet applied. The transaction that stores an event
-- queues its effect; another one applies it and deletes the row. So an effect that is refused cannot
-- hold up a batch.

CREATE TABLE ingest.effect_queue (
    position bigint GENERATED ALWAYS AS IDENTITY,
    id uuid NOT NULL,
    source text NOT NULL,
    event_id text NOT NULL,
    type text NOT NULL,
    subject text,
    occurred_at timestamptz NOT NULL,
    data jsonb NOT NULL,
    account_id uuid NOT NULL,
    source_id uuid NOT NULL,
    format text NOT NULL,
    payload bytea NOT NULL,
    batch_id uuid NOT NULL,
    received_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT effect_queue_pkey PRIMARY KEY (position)
) WITH (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 10000);
COMMENT ON TABLE ingest.effect_queue IS
    'Events that are stored and whose effects are not applied yet. A row goes in the transaction that applies its effect, or moves the '
    'event to ingest.suspense';
COMMENT ON COLUMN ingest.effect_queue.position IS 'The order in which effects are applied; those of one entity in order of arrival';
COMMENT ON COLUMN ingest.effect_queue.id IS 'ingest.event_identities.id';
COMMENT ON COLUMN ingest.effect_queue.source IS 'CloudEvents source; with event_id the identity of the event';
COMMENT ON COLUMN ingest.effect_queue.event_id IS 'CloudEvents id';
COMMENT ON COLUMN ingest.effect_queue.data IS 'The whole data of the event';
COMMENT ON COLUMN ingest.effect_queue.account_id IS 'All-zero: the event belongs to no account';
COMMENT ON COLUMN ingest.effect_queue.source_id IS
    'ingest.sources.id of the sender. No foreign key, as in ingest.suspense, where a refused event goes';
COMMENT ON COLUMN ingest.effect_queue.payload IS 'The event''s bytes as they came, in this format';
COMMENT ON COLUMN ingest.effect_queue.batch_id IS 'ingest.batches.id of the transaction that stored it';

-- What says nothing about the event is raised, and the transaction is tried again: connections, the state
-- of the transaction, rights and names, resources, an operator's intervention, the server itself. All else
-- is a verdict, also a SQLSTATE that somebody's trigger has made up. Deferred constraints are checked here,
-- not at COMMIT, where they would refuse the effects of others, too.
CREATE FUNCTION ingest.try_event(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                 p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    message text;
    detail text;
    verdict text;
BEGIN
    verdict := ingest.apply_event(p_event_id, p_type, p_subject, p_at, p_data, p_source_id, p_batch_id);
    SET CONSTRAINTS ALL IMMEDIATE;
    RETURN verdict;
EXCEPTION WHEN OTHERS THEN
    IF SQLSTATE ~ '^(08|25|40|42|53|55|57|58|F0|XX)' THEN
        RAISE;
    END IF;
    GET STACKED DIAGNOSTICS message = MESSAGE_TEXT, detail = PG_EXCEPTION_DETAIL;
    RETURN 'database_refused: ' || concat_ws('; ', message, nullif(detail, ''));
END
$$;
COMMENT ON FUNCTION ingest.try_event(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS
    'apply_event, but what the database refuses for the event''s own sake is a verdict as well (database_refused), and leaves no change';
