DROP FUNCTION ingest.try_event(uuid, text, text, timestamptz, jsonb, uuid, uuid);
DROP TABLE ingest.effect_queue;
