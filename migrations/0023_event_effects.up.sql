-- Which function applies the effects of an event.

CREATE FUNCTION ingest.apply_event(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                   p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    IF p_type = 'audit.action' THEN
        RETURN identity.apply_audit_action(p_event_id, p_type, p_subject, p_at, p_data, p_source_id, p_batch_id);
    ELSIF p_type LIKE 'license.%' THEN
        RETURN licensing.apply_license_event(p_event_id, p_type, p_subject, p_at, p_data, p_source_id, p_batch_id);
    ELSIF p_type = 'affiliate.click' THEN
        RETURN affiliates.apply_click(p_event_id, p_type, p_subject, p_at, p_data, p_source_id, p_batch_id);
    ELSIF p_type = 'affiliate.conversion' THEN
        RETURN affiliates.apply_conversion(p_event_id, p_type, p_subject, p_at, p_data, p_source_id, p_batch_id);
    ELSIF p_type = 'voucher.session' THEN
        RETURN vouchers.apply_session(p_event_id, p_type, p_subject, p_at, p_data, p_source_id, p_batch_id);
    ELSIF p_type LIKE 'room.%' THEN
        RETURN engagement.apply_room_event(p_event_id, p_type, p_subject, p_at, p_data, p_source_id, p_batch_id);
    END IF;
    RETURN format('unknown_type: events of type %s have no effects', p_type);
END
$$;
COMMENT ON FUNCTION ingest.apply_event(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS
    'Applies the effects of an event by the function of its type. Null: done; otherwise nothing was changed, and the result says why '
    '("reason_code: detail")';
