-- The effects of events on licenses.

CREATE FUNCTION licensing.move_sms(p_license_id uuid, p_type text, p_data jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    most constant integer := 2147483647;
    quantity numeric := CASE WHEN coalesce(p_data ->> 'quantity', '') = '' THEN 1 ELSE ingest.event_decimal(p_data ->> 'quantity') END;
    license record;
BEGIN
    SELECT l.key, l.sms_balance, l.sms_sent, l.sms_purchased INTO license FROM licensing.licenses AS l WHERE l.id = p_license_id;
    IF quantity IS NULL OR quantity <> trunc(quantity) OR quantity NOT BETWEEN 1 AND most THEN
        RETURN format('bad_value: quantity is no whole number from 1 to %s', most);
    ELSIF p_type = 'license.sms.sent' THEN
        IF license.sms_balance < quantity THEN
            RETURN format('not_enough_credits: license %s has %s SMS left, %s were sent', license.key, license.sms_balance, quantity);
        ELSIF license.sms_sent + quantity > most THEN
            RETURN format('bad_value: license %s cannot count more than %s SMS', license.key, most);
        END IF;
        UPDATE licensing.licenses SET sms_sent = sms_sent + quantity::integer, sms_balance = sms_balance - quantity::integer
        WHERE id = p_license_id;
    ELSE
        IF greatest(license.sms_purchased, license.sms_balance) + quantity > most THEN
            RETURN format('bad_value: license %s cannot count more than %s SMS', license.key, most);
        END IF;
        UPDATE licensing.licenses SET sms_purchased = sms_purchased + quantity::integer, sms_balance = sms_balance + quantity::integer
        WHERE id = p_license_id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION licensing.move_sms(uuid, text, jsonb) IS
    'Of apply_license_event, which holds the license''s lock: moves SMS credits, or says why not';

CREATE FUNCTION licensing.apply_license_event(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                              p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict text := ingest.event_problem(p_at, p_data);
    named constant text := ingest.event_entity(p_subject, p_data, 'license_key', 'license_id');
    license uuid;
    assignment uuid;
    actor_member constant text := CASE WHEN coalesce(p_data ->> 'actor_id', '') <> '' THEN 'actor_id' ELSE 'user_id' END;
    actor uuid;
    address inet;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    license := ingest.find_entity('licensing.licenses', 'key', named);
    IF p_type LIKE 'license.sms.%' THEN
        SELECT l.id INTO license FROM licensing.licenses AS l WHERE l.id = license FOR NO KEY UPDATE;
    END IF;
    IF license IS NULL THEN
        RETURN format('unknown_license: no license has the key or id %s', named);
    ELSIF EXISTS (SELECT FROM licensing.license_audit_events AS e WHERE e.id = p_event_id AND e.created_at = p_at) THEN
        RETURN NULL; -- already applied
    END IF;
    IF p_type IN ('license.sms.sent', 'license.sms.purchased') THEN
        verdict := licensing.move_sms(license, p_type, p_data);
        IF verdict IS NOT NULL THEN
            RETURN verdict;
        END IF;
    ELSIF p_type = 'license.activity' THEN
        UPDATE licensing.licenses SET last_active = p_at WHERE id = license AND (last_active < p_at) IS NOT FALSE;
    END IF;
    SELECT a.id INTO assignment FROM licensing.license_assignments AS a
    WHERE a.id = ingest.event_uuid(p_data ->> 'assignment_id') AND a.license_id = license;
    actor := ingest.existing_user(ingest.event_uuid(p_data ->> actor_member));
    address := ingest.event_address(p_data ->> 'ip_address');
    INSERT INTO licensing.license_audit_events (id, type, actor_id, entity_id, entity_type, metadata, ip_address, user_agent, created_at)
    VALUES (p_event_id, p_type, actor, coalesce(assignment, license), CASE WHEN assignment IS NULL THEN 'license' ELSE 'assignment' END,
            p_data - array_remove(ARRAY['license_key', 'license_id', 'user_agent',
                                        CASE WHEN assignment IS NOT NULL THEN 'assignment_id' END,
                                        CASE WHEN actor IS NOT NULL THEN actor_member END,
                                        CASE WHEN address IS NOT NULL THEN 'ip_address' END], NULL),
            address, p_data ->> 'user_agent', p_at);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION licensing.apply_license_event(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS
    'Applies license.*: a row of the audit trail always; license.sms.sent and license.sms.purchased move SMS credits, '
    'license.activity moves last_active. Reasons: unknown_license, not_enough_credits, bad_value, bad_data';
