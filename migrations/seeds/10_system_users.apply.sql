-- The administrators of the system. tallyd seed fills in the hashes of their passwords.
INSERT INTO identity.users (id, email, username, password_hash, role, status, first_name, last_name,
                            is_email_verified, email_verified_at, password_changed_at, must_change_password, organization_id)
SELECT id::uuid, email, username, current_setting('tallyd.hash_' || username), role::identity.user_role, 'active',
       first_name, 'User', true, now(), now(), current_setting('tallyd.must_change_password')::boolean,
       (SELECT id FROM identity.organizations WHERE slug = 'default-org')
FROM (VALUES
    ('00000000-0000-7000-8000-000000000101', 'admin@balatrix.com', 'admin', 'admin', 'Admin'),
    ('00000000-0000-7000-8000-000000000102', 'support@balatrix.com', 'support', 'support', 'Support')
) AS person (id, email, username, role, first_name)
ON CONFLICT DO NOTHING;
