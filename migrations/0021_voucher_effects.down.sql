DROP FUNCTION vouchers.apply_session(uuid, text, text, timestamptz, jsonb, uuid, uuid);
DROP FUNCTION vouchers.session_after(vouchers.voucher_sessions, timestamptz, jsonb, interval);
DROP FUNCTION vouchers.session_data_problem(jsonb);
DROP FUNCTION vouchers.count_session(uuid, integer);
DROP FUNCTION vouchers.booking_problem(uuid, timestamptz);
ALTER TABLE vouchers.voucher_sessions DROP COLUMN status_at, DROP COLUMN event_state;
ALTER TABLE identity.organizations DROP COLUMN time_zone;
