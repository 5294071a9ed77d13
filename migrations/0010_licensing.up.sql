-- Software licenses, the users on their seats, and the log of changes.

CREATE SCHEMA licensing;
COMMENT ON SCHEMA licensing IS 'Software licenses, their seats, and what was done to them';

CREATE TYPE licensing.license_status AS ENUM
    ('draft', 'active', 'expiring', 'expired', 'revoked', 'cancel', 'pending');
CREATE TYPE licensing.license_term AS ENUM ('monthly', 'yearly');
CREATE TYPE licensing.assignment_status AS ENUM ('assigned', 'unassigned', 'revoked');

-- Text is indexed twice, as it is and with blanks instead of punctuation: PostgreSQL's parser reads
-- "LIC-2026-01" as the numbers -2026 and -01 and "license.created" as a host name, for which users
-- do not search.
CREATE FUNCTION licensing.search_text(p_text text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT coalesce(p_text || ' ' || translate(p_text, '-_./:#@', '       '), '')
$$;
COMMENT ON FUNCTION licensing.search_text(text) IS 'A name or key as it goes into full-text search: the whole and its parts';

CREATE FUNCTION licensing.search_query(p_text text) RETURNS tsquery
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT plainto_tsquery('simple', translate(coalesce(p_text, ''), '-_./:#@', '       '))
$$;
COMMENT ON FUNCTION licensing.search_query(text) IS
    'What somebody typed into a search box as a query on search_vector: all words, in any order';

CREATE TABLE licensing.licenses (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    key text NOT NULL CHECK (key <> ''),
    product text NOT NULL CHECK (product <> ''),
    plan text NOT NULL CHECK (plan <> ''),
    status licensing.license_status NOT NULL DEFAULT 'draft',
    term licensing.license_term NOT NULL DEFAULT 'monthly',
    seats_total integer NOT NULL DEFAULT 1 CHECK (seats_total >= 0),
    seats_used integer NOT NULL DEFAULT 0 CHECK (seats_used >= 0),
    utilization_percent numeric NOT NULL GENERATED ALWAYS AS
        (CASE WHEN seats_total > 0 THEN round(seats_used * 100.0 / seats_total, 2) ELSE 0 END) STORED,
    starts_at timestamptz NOT NULL DEFAULT now(),
    expires_at timestamptz,
    cancel_date timestamptz,
    last_active timestamptz,
    dba text,
    zip text,
    last_payment numeric(20, 9) NOT NULL DEFAULT 0 CHECK (last_payment >= 0),
    currency char(3) NOT NULL DEFAULT 'USD' CHECK (currency ~ '^[A-Z]{3}$'),
    sms_purchased integer NOT NULL DEFAULT 0 CHECK (sms_purchased >= 0),
    sms_sent integer NOT NULL DEFAULT 0 CHECK (sms_sent >= 0),
    sms_balance integer NOT NULL DEFAULT 0 CHECK (sms_balance >= 0),
    agents integer NOT NULL DEFAULT 0 CHECK (agents >= 0),
    agents_name jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(agents_name) = 'array'),
    agents_cost numeric(20, 9) NOT NULL DEFAULT 0 CHECK (agents_cost >= 0),
    notes text,
    created_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    updated_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    search_vector tsvector NOT NULL GENERATED ALWAYS AS
        (setweight(to_tsvector('simple', licensing.search_text(key)), 'A')
         || setweight(to_tsvector('simple', licensing.search_text(dba)), 'B')
         || setweight(to_tsvector('simple', licensing.search_text(product)), 'C')
         || setweight(to_tsvector('simple', licensing.search_text(plan)), 'D')) STORED,
    CONSTRAINT licenses_key_key UNIQUE (key),
    CONSTRAINT licenses_seats CHECK (seats_used <= seats_total),
    CONSTRAINT licenses_period CHECK (expires_at > starts_at),
    CONSTRAINT licenses_no_nan CHECK (NOT 'NaN' = ANY (ARRAY[last_payment, agents_cost]))
) WITH (fillfactor = 80);
CREATE INDEX licenses_search_idx ON licensing.licenses USING gin (search_vector);
CREATE INDEX licenses_status_idx ON licensing.licenses (status);
CREATE INDEX licenses_product_idx ON licensing.licenses (product);
CREATE INDEX licenses_plan_idx ON licensing.licenses (plan);
CREATE INDEX licenses_term_idx ON licensing.licenses (term);
CREATE INDEX licenses_dba_idx ON licensing.licenses (dba);
CREATE INDEX licenses_zip_idx ON licensing.licenses (zip);
CREATE INDEX licenses_starts_at_idx ON licensing.licenses (starts_at);
CREATE INDEX licenses_expires_at_idx ON licensing.licenses (expires_at);
CREATE INDEX licenses_created_at_idx ON licensing.licenses (created_at);
CREATE INDEX licenses_created_by_idx ON licensing.licenses (created_by);
CREATE INDEX licenses_updated_by_idx ON licensing.licenses (updated_by);
CREATE INDEX licenses_status_expires_at_idx ON licensing.licenses (status, expires_at);
CREATE INDEX licenses_status_created_at_idx ON licensing.licenses (status, created_at);
CREATE INDEX licenses_product_plan_status_idx ON licensing.licenses (product, plan, status);
COMMENT ON TABLE licensing.licenses IS 'Licenses sold: a product and plan for a term, with seats for users';
COMMENT ON COLUMN licensing.licenses.key IS 'What the customer types in to activate it';
COMMENT ON COLUMN licensing.licenses.seats_used IS
    'Assignments in status assigned; trg_update_license_seats counts them again after every change to them';
COMMENT ON COLUMN licensing.licenses.utilization_percent IS 'seats_used of seats_total, to two decimals';
COMMENT ON COLUMN licensing.licenses.expires_at IS 'Exclusive; null: does not expire';
COMMENT ON COLUMN licensing.licenses.last_active IS 'When one of its users was last seen';
COMMENT ON COLUMN licensing.licenses.dba IS 'Doing business as: the customer''s trade name';
COMMENT ON COLUMN licensing.licenses.last_payment IS 'Amount of the last payment, in currency units';
COMMENT ON COLUMN licensing.licenses.sms_balance IS 'SMS credits left, gifts and corrections included';
COMMENT ON COLUMN licensing.licenses.agents IS 'Number of sales agents on the license';
COMMENT ON COLUMN licensing.licenses.agents_name IS 'Their names: an array of strings';
COMMENT ON COLUMN licensing.licenses.agents_cost IS 'Of all its agents together, in currency units';
COMMENT ON COLUMN licensing.licenses.search_vector IS
    'Words of key (A), dba (B), product (C) and plan (D); ask with @@ licensing.search_query(...)';

CREATE TABLE licensing.license_assignments (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    license_id uuid NOT NULL REFERENCES licensing.licenses (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
    status licensing.assignment_status NOT NULL DEFAULT 'assigned',
    assigned_at timestamptz NOT NULL DEFAULT now(),
    revoked_at timestamptz,
    assigned_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    revoked_by uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT license_assignments_license_user_key UNIQUE (license_id, user_id),
    CONSTRAINT license_assignments_times CHECK (revoked_at >= assigned_at),
    CONSTRAINT license_assignments_revoked CHECK
        (CASE status WHEN 'assigned' THEN revoked_at IS NULL WHEN 'revoked' THEN revoked_at IS NOT NULL ELSE true END)
);
CREATE INDEX license_assignments_license_status_idx ON licensing.license_assignments (license_id, status);
CREATE INDEX license_assignments_user_status_idx ON licensing.license_assignments (user_id, status);
CREATE INDEX license_assignments_status_idx ON licensing.license_assignments (status);
CREATE INDEX license_assignments_assigned_at_idx ON licensing.license_assignments (assigned_at);
CREATE INDEX license_assignments_assigned_by_idx ON licensing.license_assignments (assigned_by);
CREATE INDEX license_assignments_revoked_by_idx ON licensing.license_assignments (revoked_by);
COMMENT ON TABLE licensing.license_assignments IS
    'Who has, or had, a seat of a license: one row per license and user, which is revoked and assigned again in place';
COMMENT ON COLUMN licensing.license_assignments.status IS 'assigned takes a seat; unassigned: given back, revoked: taken away';
COMMENT ON COLUMN licensing.license_assignments.revoked_at IS 'Set when the status becomes revoked, null again when it becomes assigned';

CREATE FUNCTION licensing.stamp_assignment() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    IF NEW.status = 'revoked' THEN
        NEW.revoked_at := coalesce(NEW.revoked_at, greatest(now(), NEW.assigned_at));
    ELSIF NEW.status = 'assigned' AND TG_OP = 'UPDATE' AND OLD.status <> 'assigned' THEN
        NEW.revoked_at := NULL;
        NEW.revoked_by := NULL;
        IF NEW.assigned_at = OLD.assigned_at THEN
            NEW.assigned_at := now();
        END IF;
    END IF;
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION licensing.stamp_assignment() IS
    'Row trigger: sets the times that a change of status implies, unless the statement says them';
CREATE TRIGGER license_assignments_stamp BEFORE INSERT OR UPDATE OF status ON licensing.license_assignments
    FOR EACH ROW EXECUTE FUNCTION licensing.stamp_assignment();

-- Seats are counted once per statement, with the licenses locked in the order of their ids, so that
-- two statements do not deadlock however their rows are ordered. A row trigger collects the ids of
-- the licenses in a setting of the transaction. Transition tables would show them too, but for one
-- event at a time, and INSERT ... ON CONFLICT DO UPDATE would lock in two passes.
CREATE FUNCTION licensing.note_license_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    noted text := coalesce(current_setting('tallyd.changed_licenses', true), '');
    given_back uuid;
    taken uuid;
    changed uuid;
BEGIN
    IF TG_OP <> 'INSERT' AND OLD.status = 'assigned' THEN
        given_back := OLD.license_id;
    END IF;
    IF TG_OP <> 'DELETE' AND NEW.status = 'assigned' THEN
        taken := NEW.license_id;
    END IF;
    IF given_back IS DISTINCT FROM taken THEN
        FOREACH changed IN ARRAY array_remove(ARRAY[given_back, taken], NULL) LOOP
            IF strpos(noted, changed::text) = 0 THEN
                noted := concat_ws(',', nullif(noted, ''), changed);
                PERFORM set_config('tallyd.changed_licenses', noted, true);
            END IF;
        END LOOP;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION licensing.note_license_change() IS
    'Row trigger: notes licenses whose seats have to be counted at the end of the statement';
CREATE TRIGGER license_assignments_note AFTER INSERT OR UPDATE OR DELETE ON licensing.license_assignments
    FOR EACH ROW EXECUTE FUNCTION licensing.note_license_change();

-- Counts the seats instead of adding a difference, which also corrects a count that was loaded
-- wrong. It runs under the lock of the license and so sees every committed seat. A license that is
-- being deleted is not found, and its assignments are deleted without a count.
CREATE FUNCTION licensing.update_license_seats() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    changed uuid[] := string_to_array(nullif(current_setting('tallyd.changed_licenses', true), ''), ',');
    license record;
    used integer;
BEGIN
    PERFORM set_config('tallyd.changed_licenses', '', true);
    IF TG_OP = 'TRUNCATE' THEN
        changed := ARRAY(SELECT id FROM licensing.licenses WHERE seats_used > 0);
    END IF;
    FOR license IN
        SELECT id, key, seats_total FROM licensing.licenses WHERE id = ANY (changed) ORDER BY id FOR NO KEY UPDATE
    LOOP
        SELECT count(*) INTO used FROM licensing.license_assignments
        WHERE license_id = license.id AND status = 'assigned';
        IF used > license.seats_total THEN
            RAISE EXCEPTION 'license % has % seats, % would be taken', license.key, license.seats_total, used
                USING ERRCODE = 'check_violation', SCHEMA = 'licensing', TABLE = 'licenses', CONSTRAINT = 'licenses_seats',
                      HINT = 'Revoke an assignment or raise seats_total.';
        END IF;
        UPDATE licensing.licenses SET seats_used = used WHERE id = license.id AND seats_used <> used;
    END LOOP;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION licensing.update_license_seats() IS
    'Statement trigger: keeps licenses.seats_used; refuses one seat too many (23514, licenses_seats)';
CREATE TRIGGER trg_update_license_seats AFTER INSERT OR UPDATE OR DELETE OR TRUNCATE ON licensing.license_assignments
    FOR EACH STATEMENT EXECUTE FUNCTION licensing.update_license_seats();

CREATE TABLE licensing.license_audit_events (
    id uuid NOT NULL DEFAULT public.uuid_v7(),
    type text NOT NULL CHECK (type <> ''),
    actor_id uuid REFERENCES identity.users (id) ON DELETE SET NULL,
    entity_id uuid NOT NULL,
    entity_type text NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    ip_address inet,
    user_agent text,
    created_at timestamptz NOT NULL DEFAULT now(),
    search_vector tsvector NOT NULL GENERATED ALWAYS AS
        (setweight(to_tsvector('simple', licensing.search_text(type)), 'A')
         || setweight(to_tsvector('simple', licensing.search_text(entity_type)), 'B')
         || setweight(jsonb_to_tsvector('simple', metadata, '["string", "numeric"]'), 'C')
         || setweight(to_tsvector('simple', licensing.search_text(user_agent)), 'D')) STORED,
    PRIMARY KEY (id, created_at),
    CONSTRAINT license_audit_events_entity_type CHECK (entity_type IN ('license', 'assignment'))
) PARTITION BY RANGE (created_at);
CREATE INDEX license_audit_events_search_idx ON licensing.license_audit_events USING gin (search_vector);
CREATE INDEX license_audit_events_created_at_idx ON licensing.license_audit_events (created_at);
CREATE INDEX license_audit_events_type_idx ON licensing.license_audit_events (type, created_at);
CREATE INDEX license_audit_events_actor_id_idx ON licensing.license_audit_events (actor_id, created_at);
CREATE INDEX license_audit_events_entity_idx ON licensing.license_audit_events (entity_id, entity_type, created_at);
COMMENT ON TABLE licensing.license_audit_events IS 'What was done to licenses and assignments, partitioned by month of created_at (UTC)';
COMMENT ON COLUMN licensing.license_audit_events.id IS
    'Has a default, unlike other high-volume tables: applications insert by hand here; the daemon brings its own';
COMMENT ON COLUMN licensing.license_audit_events.type IS 'As in license.created, assignment.revoked';
COMMENT ON COLUMN licensing.license_audit_events.actor_id IS 'Who did it; null: the system, or a user since deleted';
COMMENT ON COLUMN licensing.license_audit_events.entity_id IS
    'licenses.id or license_assignments.id; no foreign key, the trail outlives what it tells of';
COMMENT ON COLUMN licensing.license_audit_events.search_vector IS
    'Words of type (A), entity_type (B), values in metadata (C) and user_agent (D)';

CREATE VIEW licensing.license_audit_trail AS
SELECT e.id, e.type, e.created_at,
       e.actor_id, coalesce(nullif(concat_ws(' ', actor.first_name, actor.last_name), ''), actor.username) AS actor_name,
       actor.email AS actor_email,
       e.entity_type, e.entity_id,
       l.id AS license_id, l.key AS license_key, l.product AS license_product,
       a.id AS assignment_id, a.user_id AS assigned_user_id, assigned.email AS assigned_user_email,
       e.metadata, e.ip_address, e.user_agent
FROM licensing.license_audit_events AS e
LEFT JOIN licensing.license_assignments AS a ON e.entity_type = 'assignment' AND a.id = e.entity_id
LEFT JOIN licensing.licenses AS l ON l.id = CASE e.entity_type WHEN 'license' THEN e.entity_id ELSE a.license_id END
LEFT JOIN identity.users AS actor ON actor.id = e.actor_id
LEFT JOIN identity.users AS assigned ON assigned.id = a.user_id;
COMMENT ON VIEW licensing.license_audit_trail IS 'Audit events with the names of who and what: null where that has been deleted since';

CREATE TRIGGER licenses_updated_at BEFORE UPDATE ON licensing.licenses
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
CREATE TRIGGER license_assignments_updated_at BEFORE UPDATE ON licensing.license_assignments
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

INSERT INTO ingest.partitioned_tables (table_name, time_column, span)
VALUES ('licensing.license_audit_events', 'created_at', 'month');
SELECT ingest.create_partition('licensing.license_audit_events', now());
SELECT ingest.create_partition('licensing.license_audit_events', now() + interval '1 month');
