UPDATE identity.users AS u SET organization_id = NULL
FROM identity.audit_logs AS l
CROSS JOIN LATERAL jsonb_array_elements_text(l.new_values -> 'users') AS joined (id)
WHERE l.id = '00000000-0000-7000-8000-000000000052' AND u.id = joined.id::uuid
  AND u.organization_id = '00000000-0000-7000-8000-000000000051';
DELETE FROM identity.organizations WHERE id = '00000000-0000-7000-8000-000000000051';
DELETE FROM identity.audit_logs WHERE id = '00000000-0000-7000-8000-000000000052';
