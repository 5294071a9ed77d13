-- Work on suspended records: automatic retries, by time and after changes of the catalog, and
-- records that an operator closes with a reason.

ALTER TABLE ingest.suspense
    ADD COLUMN auto_attempts integer NOT NULL DEFAULT 0 CONSTRAINT suspense_auto_attempts_check CHECK (auto_attempts >= 0),
    ADD COLUMN next_attempt_at timestamptz DEFAULT now(),
    ADD COLUMN tried_catalog_at timestamptz,
    ADD COLUMN resolved_by text CONSTRAINT suspense_resolved_by_check CHECK (resolved_by <> ''),
    ADD COLUMN resolution text CONSTRAINT suspense_resolution_check CHECK (resolution <> '');
CREATE INDEX suspense_due_idx ON ingest.suspense (reason, next_attempt_at, tried_catalog_at)
    WHERE state = 'waiting' AND next_attempt_at IS NOT NULL;
COMMENT ON COLUMN ingest.suspense.auto_attempts IS 'Of the attempts, those that a daemon made by itself after the first';
COMMENT ON COLUMN ingest.suspense.next_attempt_at IS
    'Not tried by a daemon itself before then; null: it has given up, a person may still retry';
COMMENT ON COLUMN ingest.suspense.tried_catalog_at IS
    'Of when the catalog of the last automatic attempt was; null: there was none. With no newer catalog another attempt would end '
    'alike';
COMMENT ON COLUMN ingest.suspense.resolved_by IS 'Who discarded it; null: nobody, it was stored';
COMMENT ON COLUMN ingest.suspense.resolution IS 'Why it was discarded';
