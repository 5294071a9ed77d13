-- The effects of events on the audit log.

CREATE FUNCTION identity.apply_audit_action(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                            p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict constant text := ingest.event_problem(p_at, p_data);
    severity_name constant text := coalesce(nullif(p_data ->> 'severity', ''), 'info');
    actor uuid;
    organization uuid;
    address inet;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    ELSIF coalesce(p_data ->> 'action', '') = '' THEN
        RETURN 'bad_value: action is missing';
    ELSIF severity_name NOT IN ('debug', 'info', 'warning', 'error', 'critical') THEN
        RETURN format('bad_value: severity %s is none of debug, info, warning, error, critical', severity_name);
    END IF;
    actor := ingest.existing_user(ingest.event_uuid(p_data ->> 'user_id'));
    SELECT o.id INTO organization FROM identity.organizations AS o
    WHERE o.id = ingest.event_uuid(p_data ->> 'organization_id') FOR KEY SHARE;
    address := ingest.event_address(p_data ->> 'ip_address');
    INSERT INTO identity.audit_logs (id, user_id, organization_id, action, entity_type, entity_id, severity, description,
                                     old_values, new_values, metadata, ip_address, user_agent, created_at)
    VALUES (p_event_id, actor, organization, p_data ->> 'action', p_data ->> 'entity_type', p_data ->> 'entity_id',
            severity_name::identity.audit_severity, p_data ->> 'description',
            nullif(p_data -> 'old_values', 'null'), nullif(p_data -> 'new_values', 'null'),
            nullif(jsonb_strip_nulls(jsonb_build_object('subject', p_subject))
                   || (p_data - array_remove(ARRAY['action', 'entity_type', 'entity_id', 'severity', 'description', 'old_values',
                                                   'new_values', 'user_agent', CASE WHEN actor IS NOT NULL THEN 'user_id' END,
                                                   CASE WHEN organization IS NOT NULL THEN 'organization_id' END,
                                                   CASE WHEN address IS NOT NULL THEN 'ip_address' END], NULL)), '{}'),
            address, p_data ->> 'user_agent', p_at)
    ON CONFLICT (created_at, id) DO NOTHING;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION identity.apply_audit_action(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS
    'Applies audit.action: a row of audit_logs. A user or organization that is not known stays in metadata. Reasons: bad_value, '
    'bad_data';
