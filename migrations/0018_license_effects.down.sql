DROP FUNCTION licensing.apply_license_event(uuid, text, text, timestamptz, jsonb, uuid, uuid);
DROP FUNCTION licensing.move_sms(uuid, text, jsonb);
