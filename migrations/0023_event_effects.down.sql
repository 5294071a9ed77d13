DROP FUNCTION ingest.apply_event(uuid, text, text, timestamptz, jsonb, uuid, uuid);
