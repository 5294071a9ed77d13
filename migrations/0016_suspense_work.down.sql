DROP INDEX ingest.suspense_due_idx;
ALTER TABLE ingest.suspense
    DROP COLUMN auto_attempts,
    DROP COLUMN next_attempt_at,
    DROP COLUMN tried_catalog_at,
    DROP COLUMN resolved_by,
    DROP COLUMN resolution;
