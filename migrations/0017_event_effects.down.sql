DROP FUNCTION engagement.apply_room_event(uuid, text, text, timestamptz, jsonb, uuid, uuid);
DROP FUNCTION engagement.give_prize(uuid, uuid, timestamptz, jsonb);
DROP FUNCTION engagement.move_participant(uuid, boolean, timestamptz, jsonb);
DROP INDEX engagement.participants_present_idx;
COMMENT ON COLUMN engagement.participants.joined_at IS NULL;
ALTER TABLE engagement.participants DROP COLUMN status_at, DROP COLUMN said;

DROP FUNCTION vouchers.apply_session(uuid, text, text, timestamptz, jsonb, uuid, uuid);
DROP FUNCTION vouchers.session_after(vouchers.voucher_sessions, timestamptz, jsonb, interval);
DROP FUNCTION vouchers.session_data_problem(jsonb);
DROP FUNCTION vouchers.count_session(uuid, integer);
DROP FUNCTION vouchers.booking_problem(uuid, timestamptz);
DROP FUNCTION vouchers.find_voucher(text, jsonb);
ALTER TABLE vouchers.voucher_sessions DROP COLUMN status_at, DROP COLUMN said;
ALTER TABLE identity.organizations DROP COLUMN time_zone;

DROP FUNCTION affiliates.apply_conversion(uuid, text, text, timestamptz, jsonb, uuid, uuid);
DROP FUNCTION affiliates.convert_referral(uuid, uuid, timestamptz, numeric, jsonb, uuid);
DROP FUNCTION affiliates.merge_referrals(uuid[], uuid, timestamptz, numeric);
DROP FUNCTION affiliates.conversion_problem(uuid, uuid, timestamptz, uuid, timestamptz);
DROP FUNCTION affiliates.click_time(uuid, uuid, timestamptz);
DROP FUNCTION affiliates.first_named(uuid, text, text);
DROP FUNCTION affiliates.matching_referrals(uuid, uuid, text, uuid);
DROP FUNCTION affiliates.apply_click(uuid, text, text, timestamptz, jsonb, uuid, uuid);
DROP FUNCTION affiliates.unknown_affiliate(text, jsonb);
DROP FUNCTION affiliates.find_affiliate(text, jsonb);
DROP INDEX affiliates.affiliate_referrals_affiliate_click_idx;
DROP INDEX affiliates.affiliate_referrals_affiliate_email_idx;

DROP FUNCTION identity.apply_audit_action(uuid, text, text, timestamptz, jsonb, uuid, uuid);

DROP FUNCTION licensing.apply_license_event(uuid, text, text, timestamptz, jsonb, uuid, uuid);
DROP FUNCTION licensing.move_sms(uuid, text, jsonb);
DROP FUNCTION licensing.find_license(text, jsonb);

DROP FUNCTION ingest.news_of(jsonb, jsonb);
DROP FUNCTION ingest.latest_members(jsonb, jsonb, timestamptz);
DROP FUNCTION ingest.existing_user(uuid);
DROP FUNCTION ingest.event_address(text);
DROP FUNCTION ingest.time_text(timestamptz);
DROP FUNCTION ingest.event_time(text);
DROP FUNCTION ingest.event_decimal(text);
DROP FUNCTION ingest.event_uuid(text);
DROP FUNCTION ingest.event_entity(text, jsonb, text, text);
DROP FUNCTION ingest.event_problem(timestamptz, jsonb);
