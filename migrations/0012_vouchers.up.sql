-- Vouchers: packages of sessions that an organization sells to its clients, and their bookings.

CREATE SCHEMA vouchers;
COMMENT ON SCHEMA vouchers IS 'Packages of sessions that organizations sell to their clients';

CREATE TYPE vouchers.voucher_frequency AS ENUM ('daily', 'weekly', 'biweekly', 'custom');
CREATE TYPE vouchers.voucher_status AS ENUM ('pending', 'active', 'expired', 'cancelled', 'completed');
CREATE TYPE vouchers.voucher_payment_status AS ENUM ('pending', 'paid', 'failed', 'refunded');
CREATE TYPE vouchers.session_kind AS ENUM ('regular', 'backup');
CREATE TYPE vouchers.session_status AS ENUM ('scheduled', 'completed', 'cancelled', 'no_show');

CREATE FUNCTION vouchers.booking_rules_problem(p_rules jsonb) RETURNS text
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    day text;
    rule jsonb;
    field text;
    opens text;
    closes text;
BEGIN
    IF p_rules IS NULL OR jsonb_typeof(p_rules) <> 'object' THEN
        RETURN 'booking rules are no object of weekdays';
    END IF;
    FOR day, rule IN SELECT * FROM jsonb_each(p_rules) LOOP
        IF day NOT IN ('monday', 'tuesday', 'wednesday', 'thursday', 'friday', 'saturday', 'sunday') THEN
            RETURN format('%s is no weekday (monday to sunday)', day);
        END IF;
        IF jsonb_typeof(rule) <> 'object' THEN
            RETURN format('%s: no object with enabled, start_time and end_time', day);
        END IF;
        SELECT min(key) INTO field FROM jsonb_object_keys(rule) AS k (key)
        WHERE key NOT IN ('enabled', 'start_time', 'end_time');
        IF field IS NOT NULL THEN
            RETURN format('%s: unknown member %s', day, field);
        END IF;
        IF coalesce(jsonb_typeof(rule -> 'enabled'), '') <> 'boolean' THEN
            RETURN format('%s: enabled is neither true nor false', day);
        END IF;
        IF jsonb_typeof(rule -> 'start_time') NOT IN ('string', 'null') OR jsonb_typeof(rule -> 'end_time') NOT IN ('string', 'null') THEN
            RETURN format('%s: a time is not a string', day);
        END IF;
        opens := rule ->> 'start_time';
        closes := rule ->> 'end_time';
        IF (rule -> 'enabled')::boolean AND (opens IS NULL OR closes IS NULL) THEN
            RETURN format('%s: enabled without start_time and end_time', day);
        END IF;
        IF opens !~ '^([01][0-9]|2[0-3]):[0-5][0-9]$' THEN
            RETURN format('%s: start_time %s is not HH:MM, 00:00 to 23:59', day, opens);
        END IF;
        IF closes !~ '^(([01][0-9]|2[0-3]):[0-5][0-9]|24:00)$' THEN
            RETURN format('%s: end_time %s is not HH:MM, 00:01 to 24:00', day, closes);
        END IF;
        IF opens COLLATE "C" >= closes COLLATE "C" THEN
            RETURN format('%s: start_time %s is not before end_time %s', day, opens, closes);
        END IF;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vouchers.booking_rules_problem(jsonb) IS 'What is wrong with booking rules, in words; null when they are right';

CREATE FUNCTION vouchers.check_booking_rules(p_rules jsonb) RETURNS boolean
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
DECLARE
    problem text := vouchers.booking_rules_problem(p_rules);
BEGIN
    IF problem IS NOT NULL THEN
        RAISE EXCEPTION 'booking rules: %', problem
            USING ERRCODE = 'check_violation', SCHEMA = 'vouchers', TABLE = 'voucher_types', CONSTRAINT = 'voucher_types_booking_rules',
                  HINT = 'As in {"monday": {"enabled": true, "start_time": "08:00", "end_time": "20:00"}, "sunday": {"enabled": false}}';
    END IF;
    RETURN true;
END
$$;
COMMENT ON FUNCTION vouchers.check_booking_rules(jsonb) IS 'For CHECK: true, or an error (23514) that says what is wrong';

CREATE TABLE vouchers.voucher_types (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    organization_id uuid NOT NULL REFERENCES identity.organizations (id) ON DELETE RESTRICT,
    name text NOT NULL CHECK (name <> ''),
    session_name text NOT NULL DEFAULT 'Session' CHECK (session_name <> ''),
    description text,
    total_sessions integer NOT NULL CHECK (total_sessions > 0),
    backup_sessions integer NOT NULL DEFAULT 0 CHECK (backup_sessions >= 0),
    session_duration_minutes integer NOT NULL DEFAULT 60 CHECK (session_duration_minutes BETWEEN 1 AND 1440),
    max_clients_per_session integer NOT NULL DEFAULT 1 CHECK (max_clients_per_session > 0),
    frequency vouchers.voucher_frequency NOT NULL DEFAULT 'weekly',
    custom_days text[],
    price numeric(20, 9) NOT NULL DEFAULT 0 CHECK (price >= 0),
    currency char(3) NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    validity_days integer NOT NULL DEFAULT 365 CHECK (validity_days > 0),
    booking_rules jsonb NOT NULL DEFAULT '{}',
    is_active boolean NOT NULL DEFAULT true,
    deactivated_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT voucher_types_id_organization_key UNIQUE (id, organization_id),
    CONSTRAINT voucher_types_booking_rules CHECK (vouchers.check_booking_rules(booking_rules)),
    CONSTRAINT voucher_types_custom_days CHECK
        (custom_days <@ '{monday,tuesday,wednesday,thursday,friday,saturday,sunday}'
         AND (frequency = 'custom') = (coalesce(cardinality(custom_days), 0) > 0)),
    CONSTRAINT voucher_types_deactivated CHECK (deactivated_at IS NULL OR NOT is_active),
    CONSTRAINT voucher_types_no_nan CHECK (price <> 'NaN')
);
CREATE INDEX voucher_types_organization_active_idx ON vouchers.voucher_types (organization_id, is_active);
COMMENT ON TABLE vouchers.voucher_types IS 'Templates of vouchers, as an organization sells them';
COMMENT ON COLUMN vouchers.voucher_types.session_name IS 'What one session is called, as in Therapy Session';
COMMENT ON COLUMN vouchers.voucher_types.total_sessions IS 'Regular sessions';
COMMENT ON COLUMN vouchers.voucher_types.backup_sessions IS 'Spare sessions on top, for those that are missed';
COMMENT ON COLUMN vouchers.voucher_types.max_clients_per_session IS '1: individual; more: a group';
COMMENT ON COLUMN vouchers.voucher_types.custom_days IS 'Weekdays (monday to sunday) of frequency custom; otherwise empty or null';
COMMENT ON COLUMN vouchers.voucher_types.price IS 'Of a voucher with all its sessions, in currency units';
COMMENT ON COLUMN vouchers.voucher_types.validity_days IS 'From the day it is bought';
COMMENT ON COLUMN vouchers.voucher_types.booking_rules IS
    'Hours in which sessions can be booked, by weekday; a day that is missing cannot be booked, {} sets no limit';

CREATE TABLE vouchers.vouchers (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    voucher_code text CHECK (voucher_code <> ''),
    organization_id uuid NOT NULL REFERENCES identity.organizations (id) ON DELETE RESTRICT,
    voucher_type_id uuid,
    client_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE RESTRICT,
    therapist_id uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    status vouchers.voucher_status NOT NULL DEFAULT 'pending',
    total_sessions integer NOT NULL CHECK (total_sessions > 0),
    used_sessions integer NOT NULL DEFAULT 0 CHECK (used_sessions >= 0),
    backup_sessions integer NOT NULL DEFAULT 0 CHECK (backup_sessions >= 0),
    used_backup_sessions integer NOT NULL DEFAULT 0 CHECK (used_backup_sessions >= 0),
    valid_from timestamptz NOT NULL DEFAULT now(),
    valid_until timestamptz,
    payment_method text,
    payment_status vouchers.voucher_payment_status NOT NULL DEFAULT 'pending',
    payment_amount numeric(20, 9) CHECK (payment_amount >= 0),
    currency char(3) NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    payment_date timestamptz,
    invoice_number text,
    notes text,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT vouchers_voucher_code_key UNIQUE (voucher_code),
    CONSTRAINT vouchers_voucher_type_id_fkey FOREIGN KEY (voucher_type_id, organization_id)
        REFERENCES vouchers.voucher_types (id, organization_id) ON DELETE RESTRICT,
    CONSTRAINT vouchers_used_sessions CHECK (used_sessions <= total_sessions),
    CONSTRAINT vouchers_used_backup_sessions CHECK (used_backup_sessions <= backup_sessions),
    CONSTRAINT vouchers_validity CHECK (valid_until > valid_from),
    CONSTRAINT vouchers_no_nan CHECK (payment_amount <> 'NaN')
) WITH (fillfactor = 80);
CREATE INDEX vouchers_voucher_type_id_idx ON vouchers.vouchers (voucher_type_id, organization_id);
CREATE INDEX vouchers_organization_status_idx ON vouchers.vouchers (organization_id, status);
CREATE INDEX vouchers_client_status_idx ON vouchers.vouchers (client_id, status);
CREATE INDEX vouchers_therapist_id_idx ON vouchers.vouchers (therapist_id);
CREATE INDEX vouchers_status_valid_until_idx ON vouchers.vouchers (status, valid_until);
CREATE INDEX vouchers_payment_status_idx ON vouchers.vouchers (payment_status);
CREATE INDEX vouchers_invoice_number_idx ON vouchers.vouchers (invoice_number);
COMMENT ON TABLE vouchers.vouchers IS
    'Packages of sessions that clients bought; sold to somebody, they stay (client, type and organization cannot be deleted)';
COMMENT ON COLUMN vouchers.vouchers.voucher_code IS 'What the client shows; null: none was given out';
COMMENT ON COLUMN vouchers.vouchers.voucher_type_id IS
    'A type of the same organization; null: made by hand. Sessions are copied from it when it is bought, so that a later change of '
    'the type changes no voucher';
COMMENT ON COLUMN vouchers.vouchers.used_sessions IS 'Of total_sessions, those that took place or were missed';
COMMENT ON COLUMN vouchers.vouchers.backup_sessions IS 'Spare sessions on top of total_sessions';
COMMENT ON COLUMN vouchers.vouchers.valid_until IS 'Exclusive; null: does not expire';
COMMENT ON COLUMN vouchers.vouchers.payment_amount IS 'In currency units';

CREATE TABLE vouchers.voucher_sessions (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    voucher_id uuid NOT NULL REFERENCES vouchers.vouchers (id) ON DELETE CASCADE,
    therapist_id uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    kind vouchers.session_kind NOT NULL DEFAULT 'regular',
    status vouchers.session_status NOT NULL DEFAULT 'scheduled',
    scheduled_start timestamptz NOT NULL,
    scheduled_end timestamptz NOT NULL,
    completed_at timestamptz,
    cancelled_at timestamptz,
    cancellation_reason text,
    notes text,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT voucher_sessions_times CHECK (scheduled_end > scheduled_start)
);
CREATE UNIQUE INDEX voucher_sessions_scheduled_key ON vouchers.voucher_sessions (voucher_id, scheduled_start)
    WHERE status = 'scheduled';
CREATE INDEX voucher_sessions_voucher_status_idx ON vouchers.voucher_sessions (voucher_id, status);
CREATE INDEX voucher_sessions_therapist_start_idx ON vouchers.voucher_sessions (therapist_id, scheduled_start);
CREATE INDEX voucher_sessions_status_start_idx ON vouchers.voucher_sessions (status, scheduled_start);
COMMENT ON TABLE vouchers.voucher_sessions IS
    'Sessions booked on a voucher, one row per voucher: a group''s session has a row for each client';
COMMENT ON COLUMN vouchers.voucher_sessions.kind IS 'regular draws on total_sessions of the voucher, backup on backup_sessions';

CREATE INDEX payment_transactions_voucher_id_idx ON billing.payment_transactions (voucher_id);
ALTER TABLE billing.payment_transactions ADD CONSTRAINT payment_transactions_voucher_id_fkey
    FOREIGN KEY (voucher_id) REFERENCES vouchers.vouchers (id) ON DELETE RESTRICT;

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['voucher_types', 'vouchers', 'voucher_sessions'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON vouchers.%I FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column()',
                       name || '_updated_at', name);
    END LOOP;
END
$$;
