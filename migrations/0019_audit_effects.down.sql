DROP FUNCTION identity.apply_audit_action(uuid, text, text, timestamptz, jsonb, uuid, uuid);
