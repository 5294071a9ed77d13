-- Events: apps, the rooms that run them, participants, prizes and winners.

CREATE SCHEMA engagement;
COMMENT ON SCHEMA engagement IS 'Events: apps, rooms, participants, prizes and winners';

CREATE TYPE engagement.room_status AS ENUM ('draft', 'active', 'completed', 'cancelled');
CREATE TYPE engagement.participant_role AS ENUM ('admin', 'organizer', 'moderator', 'participant', 'viewer');

CREATE TABLE engagement.apps (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    app_id text NOT NULL CHECK (app_id <> ''),
    name text NOT NULL CHECK (name <> ''),
    description text,
    manifest jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(manifest) = 'object'),
    manifest_version text NOT NULL DEFAULT '1.0.0' CHECK (manifest_version <> ''),
    manifest_history jsonb NOT NULL DEFAULT '[]' CHECK (jsonb_typeof(manifest_history) = 'array'),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT apps_app_id_key UNIQUE (app_id)
);
CREATE INDEX apps_manifest_version_idx ON engagement.apps (manifest_version);
CREATE INDEX apps_deleted_at_idx ON engagement.apps (deleted_at);
COMMENT ON TABLE engagement.apps IS 'Registered applications that rooms run';
COMMENT ON COLUMN engagement.apps.app_id IS 'Its name to developers. Rooms refer to it, so a deleted app keeps it';
COMMENT ON COLUMN engagement.apps.manifest IS 'The app''s configuration; meta.version is its version';
COMMENT ON COLUMN engagement.apps.manifest_history IS 'Earlier manifests, oldest first';
COMMENT ON COLUMN engagement.apps.deleted_at IS 'Soft delete: rooms that ran it keep their history';

CREATE TABLE engagement.rooms (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    app_id text NOT NULL REFERENCES engagement.apps (app_id) ON UPDATE CASCADE ON DELETE RESTRICT,
    app_manifest_version text NOT NULL DEFAULT '1.0.0' CHECK (app_manifest_version <> ''),
    created_by uuid NOT NULL REFERENCES identity.users (id) ON DELETE RESTRICT,
    name text NOT NULL CHECK (name <> ''),
    description text,
    status engagement.room_status NOT NULL DEFAULT 'draft',
    is_public boolean NOT NULL DEFAULT false,
    app_settings jsonb NOT NULL DEFAULT '{}' CHECK (jsonb_typeof(app_settings) = 'object'),
    max_participants integer CHECK (max_participants > 0),
    starts_at timestamptz,
    ends_at timestamptz,
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT rooms_times CHECK (ends_at >= starts_at)
);
CREATE INDEX rooms_app_id_idx ON engagement.rooms (app_id);
CREATE INDEX rooms_created_by_idx ON engagement.rooms (created_by);
CREATE INDEX rooms_status_idx ON engagement.rooms (status);
CREATE INDEX rooms_is_public_idx ON engagement.rooms (is_public);
CREATE INDEX rooms_deleted_at_idx ON engagement.rooms (deleted_at);
CREATE INDEX rooms_status_is_public_app_id_idx ON engagement.rooms (status, is_public, app_id);
CREATE INDEX rooms_app_manifest_version_idx ON engagement.rooms (app_manifest_version);
CREATE INDEX rooms_app_id_app_manifest_version_idx ON engagement.rooms (app_id, app_manifest_version);
COMMENT ON TABLE engagement.rooms IS 'Events that run an app';
COMMENT ON COLUMN engagement.rooms.app_manifest_version IS 'The version of the app''s manifest that the room was made with and stays with';
COMMENT ON COLUMN engagement.rooms.created_by IS 'The organizer, who cannot be deleted while the room is there';
COMMENT ON COLUMN engagement.rooms.app_settings IS 'What the app keeps about this room';
COMMENT ON COLUMN engagement.rooms.deleted_at IS 'Soft delete: the event''s history stays';

CREATE TABLE engagement.participants (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    room_id uuid NOT NULL REFERENCES engagement.rooms (id) ON DELETE CASCADE,
    user_id uuid NOT NULL REFERENCES identity.users (id) ON DELETE CASCADE,
    role engagement.participant_role NOT NULL DEFAULT 'participant',
    metadata jsonb NOT NULL DEFAULT '{}',
    joined_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT participants_id_room_key UNIQUE (id, room_id)
);
CREATE UNIQUE INDEX participants_user_id_room_id_key ON engagement.participants (user_id, room_id) WHERE deleted_at IS NULL;
CREATE INDEX participants_user_id_idx ON engagement.participants (user_id);
CREATE INDEX participants_room_id_idx ON engagement.participants (room_id);
CREATE INDEX participants_role_idx ON engagement.participants (role);
CREATE INDEX participants_deleted_at_idx ON engagement.participants (deleted_at);
CREATE INDEX participants_room_id_role_idx ON engagement.participants (room_id, role);
COMMENT ON TABLE engagement.participants IS 'Users in a room, each once';
COMMENT ON COLUMN engagement.participants.metadata IS 'What the app keeps about this participant';
COMMENT ON COLUMN engagement.participants.deleted_at IS 'Soft delete: has left the room, and may join it again';

CREATE TABLE engagement.prizes (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    room_id uuid NOT NULL REFERENCES engagement.rooms (id) ON DELETE CASCADE,
    name text NOT NULL CHECK (name <> ''),
    description text,
    quantity integer NOT NULL DEFAULT 1 CHECK (quantity > 0),
    image_url text,
    display_order integer NOT NULL DEFAULT 0,
    metadata jsonb NOT NULL DEFAULT '{}',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT prizes_id_room_key UNIQUE (id, room_id)
);
CREATE INDEX prizes_room_id_idx ON engagement.prizes (room_id);
CREATE INDEX prizes_deleted_at_idx ON engagement.prizes (deleted_at);
COMMENT ON TABLE engagement.prizes IS 'What can be won in a room';
COMMENT ON COLUMN engagement.prizes.quantity IS 'How often it can be won';
COMMENT ON COLUMN engagement.prizes.deleted_at IS 'Soft delete, the only one for a prize that has been won';

-- The room is part of both keys, so that prize, participant and winner belong to one room.
CREATE TABLE engagement.winners (
    id uuid PRIMARY KEY DEFAULT public.uuid_v7(),
    room_id uuid NOT NULL REFERENCES engagement.rooms (id) ON DELETE CASCADE,
    prize_id uuid NOT NULL,
    participant_id uuid NOT NULL,
    metadata jsonb NOT NULL DEFAULT '{}',
    won_at timestamptz NOT NULL DEFAULT now(),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    deleted_at timestamptz,
    CONSTRAINT winners_prize_id_fkey FOREIGN KEY (prize_id, room_id)
        REFERENCES engagement.prizes (id, room_id) ON DELETE RESTRICT,
    CONSTRAINT winners_participant_id_fkey FOREIGN KEY (participant_id, room_id)
        REFERENCES engagement.participants (id, room_id) ON DELETE CASCADE
);
CREATE INDEX winners_room_id_idx ON engagement.winners (room_id);
CREATE INDEX winners_prize_id_idx ON engagement.winners (prize_id);
CREATE INDEX winners_participant_id_idx ON engagement.winners (participant_id, room_id);
CREATE INDEX winners_deleted_at_idx ON engagement.winners (deleted_at);
CREATE INDEX winners_room_id_prize_id_idx ON engagement.winners (room_id, prize_id);
COMMENT ON TABLE engagement.winners IS 'Who won which prize';
COMMENT ON COLUMN engagement.winners.metadata IS 'How the winner was drawn or chosen';
COMMENT ON COLUMN engagement.winners.deleted_at IS 'Soft delete: the prize was taken back';

-- The foreign keys refuse these deletions too; the triggers add a message that says what prevents
-- the deletion and what to do instead. PostgreSQL fires the triggers of an event in the order of
-- their names: those of foreign keys begin with "RI_", so these begin with "E". AFTER triggers, so
-- that the deletion of a room has already deleted its winners.
CREATE FUNCTION engagement.explain_restrict() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    dependents bigint;
    message text;
    in_table text := 'rooms';
    key_name text;
BEGIN
    IF TG_TABLE_NAME = 'prizes' THEN
        SELECT count(*) INTO dependents FROM engagement.winners WHERE prize_id = OLD.id;
        message := format('prize %L cannot be deleted: it has %s winner(s)', OLD.name, dependents);
        in_table := 'winners';
        key_name := 'winners_prize_id_fkey';
    ELSIF TG_TABLE_NAME = 'apps' THEN
        SELECT count(*) INTO dependents FROM engagement.rooms WHERE app_id = OLD.app_id;
        message := format('app %L cannot be deleted: %s room(s) run it', OLD.app_id, dependents);
        key_name := 'rooms_app_id_fkey';
    ELSE
        SELECT count(*) INTO dependents FROM engagement.rooms WHERE created_by = OLD.id;
        message := format('user %L cannot be deleted: %s room(s) were organized by them', OLD.email, dependents);
        key_name := 'rooms_created_by_fkey';
    END IF;
    IF dependents > 0 THEN
        RAISE EXCEPTION '%', message
            USING ERRCODE = 'foreign_key_violation', SCHEMA = 'engagement', TABLE = in_table, CONSTRAINT = key_name,
                  HINT = 'Soft-delete instead: set deleted_at.';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION engagement.explain_restrict() IS 'Row trigger: says in words why a prize, an app or an organizer cannot be deleted';
CREATE TRIGGER "Explain_winners" AFTER DELETE ON engagement.prizes
    FOR EACH ROW EXECUTE FUNCTION engagement.explain_restrict();
CREATE TRIGGER "Explain_rooms" AFTER DELETE ON engagement.apps
    FOR EACH ROW EXECUTE FUNCTION engagement.explain_restrict();
CREATE TRIGGER "Explain_rooms" AFTER DELETE ON identity.users
    FOR EACH ROW EXECUTE FUNCTION engagement.explain_restrict();

CREATE FUNCTION engagement.backfill_manifest_versions()
RETURNS TABLE (app_id text, manifest_version text, rooms bigint)
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    app engagement.apps;
BEGIN
    FOR app IN SELECT * FROM engagement.apps AS a WHERE a.manifest_history = '[]' ORDER BY a.id FOR UPDATE LOOP
        app_id := app.app_id;
        manifest_version := coalesce(nullif(app.manifest #>> '{meta,version}', ''), '1.0.0');
        UPDATE engagement.apps AS a SET manifest_version = backfill_manifest_versions.manifest_version
        WHERE a.id = app.id AND a.manifest_version <> backfill_manifest_versions.manifest_version;
        UPDATE engagement.rooms AS r SET app_manifest_version = backfill_manifest_versions.manifest_version
        WHERE r.app_id = app.app_id AND r.app_manifest_version <> backfill_manifest_versions.manifest_version;
        SELECT count(*) INTO rooms FROM engagement.rooms AS r WHERE r.app_id = app.app_id;
        RETURN NEXT;
    END LOOP;
END
$$;
COMMENT ON FUNCTION engagement.backfill_manifest_versions() IS
    'Takes manifest_version of apps that came without one from manifest.meta.version (1.0.0 when it says none) and locks their rooms '
    'to it; one row per app. An app with a manifest_history has versions already and is left alone';

DO $$
DECLARE
    name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['apps', 'rooms', 'participants', 'prizes', 'winners'] LOOP
        EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE ON engagement.%I FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column()',
                       name || '_updated_at', name);
    END LOOP;
END
$$;
