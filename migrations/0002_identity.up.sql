-- Organizations and users: who logs in, and on whose behalf.

CREATE TYPE identity.user_role AS ENUM
    ('admin', 'support', 'customer', 'organization_owner', 'therapist', 'client', 'staff');
CREATE TYPE identity.user_status AS ENUM ('pending', 'active', 'suspended', 'disabled');

CREATE TABLE identity.organizations (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    name text NOT NULL CHECK (name <> ''),
    slug text NOT NULL CHECK (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$'),
    address text,
    phone text,
    email text CHECK (email LIKE '%_@_%'),
    tax_id text,
    logo_url text,
    is_active boolean NOT NULL DEFAULT true,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT organizations_slug_key UNIQUE (slug)
);
CREATE INDEX organizations_is_active_idx ON identity.organizations (is_active);
COMMENT ON TABLE identity.organizations IS 'Tenants: companies, practices, resellers';
COMMENT ON COLUMN identity.organizations.slug IS 'Name in URLs: lower-case letters, digits and single hyphens';
COMMENT ON COLUMN identity.organizations.tax_id IS 'As the tax office of its country writes it: GSTIN, VAT number, EIN';
COMMENT ON COLUMN identity.organizations.is_active IS 'False: its people cannot log in, its records stay';

CREATE TABLE identity.users (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    organization_id uuid REFERENCES identity.organizations (id) ON DELETE RESTRICT,
    email text NOT NULL CHECK (email LIKE '%_@_%'),
    username text NOT NULL CHECK (username <> ''),
    password_hash text,
    role identity.user_role NOT NULL DEFAULT 'customer',
    status identity.user_status NOT NULL DEFAULT 'active',
    first_name text,
    last_name text,
    phone text,
    is_organization_owner boolean NOT NULL DEFAULT false,
    is_email_verified boolean NOT NULL DEFAULT false,
    email_verified_at timestamptz,
    email_verification_token text,
    password_reset_token text,
    password_reset_expires_at timestamptz,
    password_changed_at timestamptz,
    must_change_password boolean NOT NULL DEFAULT false,
    failed_login_attempts integer NOT NULL DEFAULT 0 CHECK (failed_login_attempts >= 0),
    locked_until timestamptz,
    last_login_at timestamptz,
    last_login_ip inet,
    two_factor_enabled boolean NOT NULL DEFAULT false,
    two_factor_secret text,
    approved_at timestamptz,
    approved_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    provider text,
    provider_id text,
    avatar_url text,
    preferences jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    is_active boolean GENERATED ALWAYS AS (status = 'active' AND deleted_at IS NULL) STORED,
    search_vector tsvector GENERATED ALWAYS AS (to_tsvector('pg_catalog.simple',
        coalesce(first_name, '') || ' ' || coalesce(last_name, '') || ' ' || username || ' ' || email || ' '
        || translate(username || ' ' || email, '@._-+', '     '))) STORED,
    CONSTRAINT users_provider_has_id CHECK ((provider IS NULL) = (provider_id IS NULL)),
    CONSTRAINT users_two_factor_has_secret CHECK (NOT two_factor_enabled OR two_factor_secret IS NOT NULL)
);
CREATE UNIQUE INDEX users_email_key ON identity.users (lower(email)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_username_key ON identity.users (lower(username)) WHERE deleted_at IS NULL;
CREATE UNIQUE INDEX users_provider_key ON identity.users (provider, provider_id) WHERE deleted_at IS NULL;
CREATE INDEX users_role_idx ON identity.users (role);
CREATE INDEX users_role_is_active_idx ON identity.users (role, is_active);
CREATE INDEX users_is_active_idx ON identity.users (is_active);
CREATE INDEX users_organization_id_role_idx ON identity.users (organization_id, role);
CREATE INDEX users_approved_by_idx ON identity.users (approved_by);
CREATE INDEX users_created_at_idx ON identity.users (created_at);
CREATE INDEX users_last_login_at_idx ON identity.users (last_login_at);
CREATE INDEX users_deleted_at_idx ON identity.users (deleted_at);
CREATE INDEX users_search_idx ON identity.users USING gin (search_vector);
COMMENT ON TABLE identity.users IS 'Everybody who can log in';
COMMENT ON COLUMN identity.users.password_hash IS 'crypt(3) bcrypt, cost 12; null for users who log in through a provider';
COMMENT ON COLUMN identity.users.locked_until IS 'No login before this moment, after too many failed ones';
COMMENT ON COLUMN identity.users.approved_by IS 'The user who admitted this one to the organization';
COMMENT ON COLUMN identity.users.provider IS 'OAuth provider; with provider_id the identity there';
COMMENT ON COLUMN identity.users.deleted_at IS 'Soft delete: the row stays for history, the email and username are free again';
COMMENT ON COLUMN identity.users.is_active IS 'Derived from status and deleted_at';
COMMENT ON COLUMN identity.users.search_vector IS
    'Full text, configuration simple: names, username and email, the latter two whole and in their parts';

CREATE TRIGGER organizations_updated_at BEFORE UPDATE ON identity.organizations
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE TRIGGER users_updated_at BEFORE UPDATE ON identity.users
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
