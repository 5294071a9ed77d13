-- Permissions of users, their teams, their logins, and the log of their actions.

CREATE TYPE identity.team_role AS ENUM ('owner', 'admin', 'member', 'viewer');
CREATE TYPE identity.audit_severity AS ENUM ('debug', 'info', 'warning', 'error', 'critical');

CREATE TABLE identity.permissions (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
    organization_id uuid REFERENCES identity.organizations (id) ON DELETE CASCADE,
    permission text NOT NULL CHECK (permission ~ '^[a-z][a-z0-9_.:-]*$'),
    granted_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    granted_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now()
);
-- PostgreSQL 14 has no NULLS NOT DISTINCT: in the index the nil uuid means "everywhere".
CREATE UNIQUE INDEX permissions_key ON identity.permissions
    (user_id, permission, (coalesce(organization_id, '00000000-0000-0000-0000-000000000000'::uuid)));
CREATE INDEX permissions_organization_id_idx ON identity.permissions (organization_id);
CREATE INDEX permissions_granted_by_idx ON identity.permissions (granted_by);
COMMENT ON TABLE identity.permissions IS 'What a user may do beyond what the role gives. A row is granted or deleted, never changed';
COMMENT ON COLUMN identity.permissions.permission IS 'Such as manage_users or manage_vouchers';
COMMENT ON COLUMN identity.permissions.organization_id IS 'Where it holds; null: everywhere';

CREATE TABLE identity.teams (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    organization_id uuid REFERENCES identity.organizations (id) ON DELETE CASCADE,
    owner_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE RESTRICT,
    name text NOT NULL CHECK (name <> ''),
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    description text,
    max_members integer CHECK (max_members > 0),
    is_active boolean NOT NULL DEFAULT true,
    settings jsonb NOT NULL DEFAULT '{}',
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz
);
CREATE UNIQUE INDEX teams_slug_key ON identity.teams (slug) WHERE deleted_at IS NULL;
CREATE INDEX teams_organization_id_idx ON identity.teams (organization_id);
CREATE INDEX teams_owner_id_idx ON identity.teams (owner_id);
CREATE INDEX teams_is_active_idx ON identity.teams (is_active);
CREATE INDEX teams_deleted_at_idx ON identity.teams (deleted_at);
COMMENT ON TABLE identity.teams IS 'People who work together, within an organization or without one';
COMMENT ON COLUMN identity.teams.slug IS 'Name in URLs: lower-case letters, digits and single hyphens';
COMMENT ON COLUMN identity.teams.max_members IS 'Most members; null: no bound. The application holds it';
COMMENT ON COLUMN identity.teams.deleted_at IS 'Soft delete: the slug is free again';

CREATE TABLE identity.team_members (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    team_id uuid NOT NULL REFERENCES identity.teams (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
    role identity.team_role NOT NULL DEFAULT 'member',
    invited_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    joined_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT team_members_team_id_user_id_key UNIQUE (team_id, user_id)
);
CREATE INDEX team_members_user_id_idx ON identity.team_members (user_id);
CREATE INDEX team_members_invited_by_idx ON identity.team_members (invited_by);
CREATE INDEX team_members_team_id_role_idx ON identity.team_members (team_id, role);
COMMENT ON TABLE identity.team_members IS 'Who is in which team, once';

CREATE TABLE identity.sessions (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
    refresh_token text NOT NULL CHECK (refresh_token <> ''),
    expires_at timestamptz NOT NULL,
    device_info text,
    ip_address inet,
    last_used_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT sessions_refresh_token_key UNIQUE (refresh_token)
);
CREATE INDEX sessions_user_id_idx ON identity.sessions (user_id);
CREATE INDEX sessions_expires_at_idx ON identity.sessions (expires_at);
CREATE INDEX sessions_last_used_at_idx ON identity.sessions (last_used_at);
COMMENT ON TABLE identity.sessions IS 'Logins of devices. Access tokens are signed and kept nowhere; see token_blacklist';
COMMENT ON COLUMN identity.sessions.refresh_token IS 'What the device shows for a new access token; best stored as its SHA-256';
COMMENT ON COLUMN identity.sessions.device_info IS 'User agent of the device';
COMMENT ON COLUMN identity.sessions.last_used_at IS 'Sessions unused for long are cleaned up';

CREATE TABLE identity.refresh_tokens (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
    token text NOT NULL CHECK (token <> ''),
    expires_at timestamptz NOT NULL,
    revoked_at timestamptz,
    revoked_reason text,
    replaced_by_id uuid REFERENCES identity.refresh_tokens (id) ON DELETE SET NULL,
    ip_address inet,
    user_agent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT refresh_tokens_token_key UNIQUE (token),
    CONSTRAINT refresh_tokens_revoked CHECK (revoked_at IS NOT NULL OR (revoked_reason IS NULL AND replaced_by_id IS NULL)),
    CONSTRAINT refresh_tokens_no_own_replacement CHECK (replaced_by_id <> id)
);
CREATE INDEX refresh_tokens_user_id_idx ON identity.refresh_tokens (user_id);
CREATE INDEX refresh_tokens_expires_at_idx ON identity.refresh_tokens (expires_at);
CREATE INDEX refresh_tokens_replaced_by_id_idx ON identity.refresh_tokens (replaced_by_id);
COMMENT ON TABLE identity.refresh_tokens IS 'Refresh tokens of applications that rotate them: each is used once and names its successor';
COMMENT ON COLUMN identity.refresh_tokens.token IS 'Best stored as its SHA-256';
COMMENT ON COLUMN identity.refresh_tokens.replaced_by_id IS 'Its successor; one that is shown after that was stolen';

CREATE TABLE identity.token_blacklist (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    token_hash text NOT NULL CHECK (token_hash <> ''),
    expires_at timestamptz NOT NULL,
    user_id uuid NOT NULL,
    reason text,
    revoked_at timestamptz NOT NULL DEFAULT now(),
    revoked_by uuid,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT token_blacklist_token_hash_key UNIQUE (token_hash)
);
CREATE INDEX token_blacklist_expires_at_idx ON identity.token_blacklist (expires_at);
CREATE INDEX token_blacklist_user_id_idx ON identity.token_blacklist (user_id);
COMMENT ON TABLE identity.token_blacklist IS
    'Signed access tokens that hold no more, until they would have expired. No foreign keys: the token of a deleted user has to stay '
    'refused';
COMMENT ON COLUMN identity.token_blacklist.token_hash IS 'SHA-256 of the token, in hexadecimal';
COMMENT ON COLUMN identity.token_blacklist.expires_at IS 'Of the token; afterwards the row is of no use and is cleaned up';
COMMENT ON COLUMN identity.token_blacklist.user_id IS 'Whose token it was';
COMMENT ON COLUMN identity.token_blacklist.revoked_by IS 'The user who revoked it; null: the system';

-- This table is written often, but by applications and by hand. So it has a default for its key,
-- unlike the daemon's hot tables, and its indexes and foreign keys are on the parent.
CREATE TABLE identity.audit_logs (
    id uuid NOT NULL DEFAULT public.uuid_v7(),
    user_id uuid CONSTRAINT audit_logs_user_id_fkey REFERENCES identity.users (id) ON DELETE SET NULL,
    organization_id uuid CONSTRAINT audit_logs_organization_id_fkey REFERENCES identity.organizations (id) ON DELETE SET NULL,
    action text NOT NULL CONSTRAINT audit_logs_action CHECK (action <> ''),
    entity_type text,
    entity_id text,
    severity identity.audit_severity NOT NULL DEFAULT 'info',
    description text,
    old_values jsonb,
    new_values jsonb,
    metadata jsonb,
    ip_address inet,
    user_agent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT audit_logs_pkey PRIMARY KEY (created_at, id)
) PARTITION BY RANGE (created_at);
CREATE INDEX audit_logs_user_id_idx ON identity.audit_logs (user_id, created_at);
CREATE INDEX audit_logs_organization_id_idx ON identity.audit_logs (organization_id, created_at);
CREATE INDEX audit_logs_action_idx ON identity.audit_logs (action, created_at);
CREATE INDEX audit_logs_entity_idx ON identity.audit_logs (entity_type, entity_id);
CREATE INDEX audit_logs_severity_idx ON identity.audit_logs (severity, created_at);
COMMENT ON TABLE identity.audit_logs IS 'Who changed what and when, partitioned by month (UTC)';
COMMENT ON COLUMN identity.audit_logs.user_id IS 'Who did it; null: the system, or a user who is deleted since';
COMMENT ON COLUMN identity.audit_logs.action IS 'CREATE, UPDATE, DELETE, login, migration and what else an application names';
COMMENT ON COLUMN identity.audit_logs.entity_type IS 'Kind of the thing changed: user, voucher, organization';
COMMENT ON COLUMN identity.audit_logs.entity_id IS 'Its id, as text: not every application has uuids';
COMMENT ON COLUMN identity.audit_logs.old_values IS 'What the columns that changed held before';
COMMENT ON COLUMN identity.audit_logs.new_values IS 'What they hold since';
COMMENT ON COLUMN identity.audit_logs.created_at IS 'When it was done';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['teams', 'team_members', 'sessions', 'refresh_tokens'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON identity.%I FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column()',
                       name || '_updated_at', name);
    END LOOP;
END
$$;

INSERT INTO ingest.partitioned_tables (table_name, time_column, span) VALUES ('identity.audit_logs', 'created_at', 'month');
SELECT ingest.create_partition('identity.audit_logs', now());
SELECT ingest.create_partition('identity.audit_logs', now() + interval '1 month');
