DROP FUNCTION engagement.apply_room_event(uuid, text, text, timestamptz, jsonb, uuid, uuid);
DROP FUNCTION engagement.give_prize(uuid, uuid, timestamptz, jsonb);
DROP FUNCTION engagement.move_participant(uuid, boolean, timestamptz, jsonb);
DROP INDEX engagement.participants_present_idx;
COMMENT ON COLUMN engagement.participants.joined_at IS NULL;
ALTER TABLE engagement.participants DROP COLUMN status_at, DROP COLUMN event_state;
