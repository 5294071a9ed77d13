-- The daemon's own tables: sources, committed batches and positions, suspended records, imports.

CREATE TYPE ingest.suspense_state AS ENUM ('waiting', 'resolved', 'discarded');
CREATE TYPE ingest.import_state AS ENUM ('running', 'done', 'failed', 'reverted');
CREATE TYPE ingest.partition_state AS ENUM ('open', 'sealing', 'sealed', 'detached', 'dropped');
CREATE TYPE ingest.b_leg_policy AS ENUM ('accept', 'skip');
CREATE TYPE ingest.percent_policy AS ENUM ('auto', 'on', 'off');

CREATE TABLE ingest.sources (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    name text NOT NULL CHECK (name ~ '^[a-zA-Z0-9][a-zA-Z0-9_.-]{0,62}$'),
    token_sha256 bytea CHECK (octet_length(token_sha256) = 32),
    formats text[] NOT NULL DEFAULT '{}',
    time_zone text NOT NULL DEFAULT 'UTC',
    b_legs ingest.b_leg_policy NOT NULL DEFAULT 'accept',
    percent_decode ingest.percent_policy NOT NULL DEFAULT 'auto',
    number_rules jsonb NOT NULL DEFAULT '{}',
    body_bytes_max integer NOT NULL DEFAULT 16777216 CHECK (body_bytes_max > 0),
    record_bytes_max integer NOT NULL DEFAULT 1048576 CHECK (record_bytes_max > 0),
    is_active boolean NOT NULL DEFAULT true,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sources_name_key UNIQUE (name)
);
CREATE UNIQUE INDEX sources_token_sha256_key ON ingest.sources (token_sha256);
COMMENT ON TABLE ingest.sources IS 'Senders of records, and what has to be known to read what they send';
COMMENT ON COLUMN ingest.sources.token_sha256 IS 'SHA-256 of the bearer token; the token itself is shown once and kept nowhere';
COMMENT ON COLUMN ingest.sources.formats IS 'Formats it may send; empty: all';
COMMENT ON COLUMN ingest.sources.time_zone IS 'IANA zone of times that come without one';
COMMENT ON COLUMN ingest.sources.b_legs IS 'Whether the called leg''s own record is taken or left out';
COMMENT ON COLUMN ingest.sources.number_rules IS
    'What turns the numbers of its records into E.164 digits; the members are in ingest/record/number_rules.hpp, tallyd source rules '
    'checks them';
COMMENT ON COLUMN ingest.sources.percent_decode IS 'Whether strings of FreeSWITCH variables are percent-decoded';
INSERT INTO ingest.sources (id, name) VALUES ('00000000-0000-7000-8000-000000000001', 'local');

CREATE TABLE ingest.positions (
    stream text PRIMARY KEY,
    position bigint NOT NULL CHECK (position >= 0),
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
) WITH (fillfactor = 50);
COMMENT ON TABLE ingest.positions IS 'How much of a stream (a journal, a file) is stored; written by its reader alone, after the records';
COMMENT ON COLUMN ingest.positions.position IS
    'All records of the stream before this 0-based record number are stored, duplicates or in suspense';

CREATE TABLE ingest.payer_decisions (
    stream text NOT NULL,
    first_record bigint NOT NULL CHECK (first_record >= 0),
    end_record bigint NOT NULL,
    payers bytea NOT NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (stream, first_record),
    CONSTRAINT payer_decisions_end_record_check CHECK (end_record >= first_record)
);
COMMENT ON TABLE ingest.payer_decisions IS
    'Who pays for the records of a stream that carries no decision itself (a file; pushes taken before a catalog was known), until its position has passed them';
COMMENT ON COLUMN ingest.payer_decisions.end_record IS 'Exclusive';
COMMENT ON COLUMN ingest.payer_decisions.payers IS 'Accounts and subscriptions by record, in the form of ingest/record/payers.cpp';

CREATE TABLE ingest.imports (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    file_name text NOT NULL,
    digest bytea CHECK (octet_length(digest) = 32),
    format text NOT NULL,
    source_id uuid NOT NULL REFERENCES ingest.sources (id) ON DELETE RESTRICT,
    state ingest.import_state NOT NULL DEFAULT 'running',
    bytes_total bigint,
    received bigint NOT NULL DEFAULT 0,
    committed bigint NOT NULL DEFAULT 0,
    duplicate bigint NOT NULL DEFAULT 0,
    suspended bigint NOT NULL DEFAULT 0,
    rejected bigint NOT NULL DEFAULT 0,
    runs integer NOT NULL DEFAULT 1,
    failure text,
    started_at timestamptz NOT NULL DEFAULT now(),
    finished_at timestamptz,
    reverted_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
CREATE UNIQUE INDEX imports_digest_key ON ingest.imports (source_id, format, digest) WHERE state <> 'reverted';
CREATE INDEX imports_source_id_idx ON ingest.imports (source_id);
COMMENT ON TABLE ingest.imports IS 'Files given to tallyd import';
COMMENT ON COLUMN ingest.imports.digest IS 'SHA-256 of the file as it lies on disk; null for standard input';
COMMENT ON COLUMN ingest.imports.runs IS 'How often it was begun: more than one after a kill or a repetition';

CREATE TABLE ingest.batches (
    id uuid PRIMARY KEY,
    daemon_id uuid NOT NULL,
    lane integer NOT NULL,
    import_id uuid,
    received integer NOT NULL,
    committed integer NOT NULL,
    duplicate integer NOT NULL,
    suspended integer NOT NULL,
    bytes bigint NOT NULL,
    cost numeric(28, 9) NOT NULL,
    first_start_time timestamptz,
    last_start_time timestamptz,
    opened_at timestamptz NOT NULL,
    created_at timestamptz NOT NULL
);
CREATE INDEX batches_import_id_idx ON ingest.batches (import_id) WHERE import_id IS NOT NULL;
CREATE INDEX batches_created_at_idx ON ingest.batches (created_at) WHERE import_id IS NULL;
COMMENT ON TABLE ingest.batches IS
    'One row per committed batch; its existence is what resolves a COMMIT whose answer was lost. tallyd maintain batches deletes old ones, but for those of imports';
COMMENT ON COLUMN ingest.batches.daemon_id IS 'The process that wrote it';
COMMENT ON COLUMN ingest.batches.lane IS 'The lane that wrote it; -1: not records, but decisions on payers (ingest.payer_decisions)';
COMMENT ON COLUMN ingest.batches.import_id IS
    'ingest.imports.id. No foreign key: an import that is deleted meanwhile must not refuse what was read of it';
COMMENT ON COLUMN ingest.batches.cost IS 'Sum over its records, whatever the currency';
COMMENT ON COLUMN ingest.batches.created_at IS 'Start of the committing transaction';

CREATE TABLE ingest.suspense (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    reason text NOT NULL,
    detail text,
    source_id uuid NOT NULL,
    format text NOT NULL,
    payload bytea NOT NULL,
    payload_sha256 bytea NOT NULL CHECK (octet_length(payload_sha256) = 32),
    batch_id uuid,
    state ingest.suspense_state NOT NULL DEFAULT 'waiting',
    attempts integer NOT NULL DEFAULT 1 CHECK (attempts > 0),
    received_at timestamptz NOT NULL,
    resolved_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT suspense_resolved CHECK ((state = 'waiting') = (resolved_at IS NULL))
);
CREATE UNIQUE INDEX suspense_payload_key ON ingest.suspense (source_id, payload_sha256);
CREATE INDEX suspense_waiting_idx ON ingest.suspense (reason, received_at) WHERE state = 'waiting';
COMMENT ON TABLE ingest.suspense IS 'Records that could not be stored or rated, whole, until somebody or something resolves them';
COMMENT ON COLUMN ingest.suspense.reason IS 'Error code of the record: unknown_number, no_rate, conflict, ...';
COMMENT ON COLUMN ingest.suspense.source_id IS
    'ingest.sources.id of the sender. No foreign key: a record that was acknowledged waits here also when its source is deleted while '
    'it is on its way';
COMMENT ON COLUMN ingest.suspense.payload IS 'The record''s bytes as they came';
COMMENT ON COLUMN ingest.suspense.payload_sha256 IS
    'The same bytes from the same source wait once, however often they are sent; sent again after they were discarded, they wait again';
COMMENT ON COLUMN ingest.suspense.attempts IS 'How often storing it was tried';

CREATE FUNCTION ingest.keep_source_of_suspense() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    IF EXISTS (SELECT FROM ingest.suspense WHERE source_id = OLD.id) THEN
        RAISE EXCEPTION 'source % cannot be deleted: records of it are in suspense', OLD.name
            USING ERRCODE = 'foreign_key_violation', SCHEMA = 'ingest', TABLE = 'suspense',
                  HINT = 'Disable it instead: tallyd source disable.';
    END IF;
    RETURN OLD;
END
$$;
COMMENT ON FUNCTION ingest.keep_source_of_suspense IS
    'Row trigger: suspended records are read again by the settings of their source, so it stays while there are any';
CREATE TRIGGER sources_keep BEFORE DELETE ON ingest.sources
    FOR EACH ROW EXECUTE FUNCTION ingest.keep_source_of_suspense();

CREATE TABLE ingest.partitions (
    table_name text NOT NULL,
    partition_name text NOT NULL,
    lower_bound timestamptz NOT NULL,
    upper_bound timestamptz NOT NULL,
    state ingest.partition_state NOT NULL DEFAULT 'open',
    sealed_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (table_name, partition_name),
    CONSTRAINT partitions_bounds CHECK (upper_bound > lower_bound)
);
COMMENT ON TABLE ingest.partitions IS 'Partitions of the hot tables and what has been done to them';
COMMENT ON COLUMN ingest.partitions.table_name IS 'With its schema, as in billing.cdrs; the partition is in the same schema';
COMMENT ON COLUMN ingest.partitions.upper_bound IS 'Exclusive';
COMMENT ON COLUMN ingest.partitions.state IS
    'open: takes records with the primary key alone; sealing: its indexes are being built; sealed: has them all; detached, dropped: '
    'retired, takes no records';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['sources', 'imports', 'suspense', 'partitions'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON ingest.%I FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column()',
                       name || '_updated_at', name);
    END LOOP;
END
$$;
CREATE TRIGGER sources_notify AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON ingest.sources
    FOR EACH STATEMENT EXECUTE FUNCTION public.notify_catalog_change();
