-- The organization of all users that have no other. Existing users without one join it; the audit
-- log records which, so that the undo releases exactly these.
INSERT INTO identity.organizations (id, name, slug)
VALUES ('00000000-0000-7000-8000-000000000051', 'Default Organization', 'default-org')
ON CONFLICT DO NOTHING;

SELECT ingest.create_partition('identity.audit_logs', now());
WITH joined AS (
    UPDATE identity.users SET organization_id = o.id
    FROM identity.organizations AS o
    WHERE o.slug = 'default-org' AND users.organization_id IS NULL
    RETURNING users.id
)
INSERT INTO identity.audit_logs (id, organization_id, action, entity_type, entity_id, description, new_values, created_at)
SELECT '00000000-0000-7000-8000-000000000052', o.id, 'migration', 'organization', o.id::text,
       'Default organization and who joined it',
       jsonb_build_object('slug', o.slug, 'users', (SELECT coalesce(jsonb_agg(id ORDER BY id), '[]') FROM joined)), now()
FROM identity.organizations AS o
WHERE o.slug = 'default-org'
  AND NOT EXISTS (SELECT FROM identity.audit_logs AS l WHERE l.id = '00000000-0000-7000-8000-000000000052');
