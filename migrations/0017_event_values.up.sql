-- Values in the data of usage events: what the functions apply_* of the next migrations share. Those
-- have one signature and apply the effects of one event each. NULL means done. Otherwise nothing was
-- changed, and the result says why: "reason_code: detail".
--
-- Events arrive in any order. Of two events about one thing the one with the later time of its own
-- decides, whichever arrived first; if the times are equal, a fixed rule decides. A function that
-- changes a license, an affiliate, a voucher or a room locks its row before anything else.

-- Functions of one expression do not set search_path, so that PostgreSQL can inline them into the
-- calling query, which is thirty times as fast. They name objects of pg_catalog only.

-- The result of a function for data that no decoder lets through.
CREATE FUNCTION ingest.event_problem(p_at timestamptz, p_data jsonb) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN jsonb_typeof(p_data) IS DISTINCT FROM 'object' THEN 'bad_data: the data is no JSON object'
                WHEN p_at IS NULL OR NOT isfinite(p_at) THEN 'bad_value: the event has no time' END
$$;
COMMENT ON FUNCTION ingest.event_problem(timestamptz, jsonb) IS
    'What is wrong with an event as a whole, as a verdict of apply_*; null: nothing';

CREATE FUNCTION ingest.event_entity(p_subject text, p_data jsonb, p_key_member text, p_id_member text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT coalesce(nullif(p_data ->> p_key_member, ''), nullif(p_data ->> p_id_member, ''), nullif(p_subject, ''), '')
$$;
COMMENT ON FUNCTION ingest.event_entity(text, jsonb, text, text) IS
    'Key or id of what an event is about: the first that is there of two members of its data and its subject';

CREATE FUNCTION ingest.event_uuid(p_text text) RETURNS uuid
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN length(replace(p_text, '-', '')) = 32 AND translate(p_text, '0123456789abcdefABCDEF-', '') = ''
                THEN replace(p_text, '-', '')::uuid END
$$;
COMMENT ON FUNCTION ingest.event_uuid(text) IS 'The text as a uuid; null when it is none';

CREATE FUNCTION ingest.find_entity(p_rows regclass, p_key text, p_named text) RETURNS uuid
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    found_id uuid;
BEGIN
    EXECUTE format('SELECT coalesce((SELECT r.id FROM %1$s AS r WHERE %2$s = $1), (SELECT r.id FROM %1$s AS r WHERE r.id = $2))',
                   p_rows, p_key)
    INTO found_id USING p_named, ingest.event_uuid(p_named);
    RETURN found_id;
END
$$;
COMMENT ON FUNCTION ingest.find_entity(regclass, text, text) IS
    'Id of the row of a table that an event is about, by a key (a column or expression with a unique index), else by id; null: there '
    'is none';

CREATE FUNCTION ingest.event_decimal(p_text text) RETURNS numeric
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
    SELECT CASE WHEN p_text ~ '^[0-9]{1,40}(\.[0-9]{1,40})?$' THEN trim_scale(p_text::numeric) END
$$;
COMMENT ON FUNCTION ingest.event_decimal(text) IS 'The text as a number that is not negative; null when it is none';

CREATE FUNCTION ingest.event_time(p_text text) RETURNS timestamptz
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog
SET datestyle = 'ISO, YMD'
AS $$
BEGIN
    IF p_text ~ '^[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ][0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?([Zz]|[+-][0-9]{2}:[0-9]{2})$' THEN
        RETURN p_text::timestamptz;
    END IF;
    RETURN NULL;
EXCEPTION WHEN datetime_field_overflow OR invalid_datetime_format OR invalid_time_zone_displacement_value THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ingest.event_time(text) IS 'The text as a time, which has to be RFC 3339; null when it is none';

CREATE FUNCTION ingest.time_text(p_time timestamptz) RETURNS text
LANGUAGE sql STABLE PARALLEL SAFE
AS $$
    SELECT to_char(p_time AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')
$$;
COMMENT ON FUNCTION ingest.time_text(timestamptz) IS 'A time in the one spelling of RFC 3339 that these functions write';

CREATE FUNCTION ingest.event_address(p_text text) RETURNS inet
LANGUAGE plpgsql STABLE PARALLEL RESTRICTED
SET search_path = pg_catalog
AS $$
BEGIN
    RETURN p_text::inet;
EXCEPTION WHEN invalid_text_representation THEN
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION ingest.event_address(text) IS 'The text as an IP address; null when it is none';

CREATE FUNCTION ingest.existing_user(p_id uuid) RETURNS uuid
LANGUAGE sql VOLATILE
SET search_path = pg_catalog
AS $$
    SELECT u.id FROM identity.users AS u WHERE u.id = p_id FOR KEY SHARE
$$;
COMMENT ON FUNCTION ingest.existing_user(uuid) IS
    'The id of a user whom no other session deletes until this transaction ends; null when there is none';

-- Each member is stored as [time, value]. Arrays are compared element by element: the later time is
-- greater, and with equal times the greater value.
CREATE FUNCTION ingest.latest_members(p_kept jsonb, p_data jsonb, p_at timestamptz) RETURNS jsonb
LANGUAGE sql STABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT coalesce(jsonb_object_agg(latest.key, latest.value), '{}')
    FROM (SELECT DISTINCT ON (m.key) m.key, m.value
          FROM (SELECT k.key, k.value FROM jsonb_each(p_kept) AS k
                UNION ALL
                SELECT d.key, jsonb_build_array(extract(epoch FROM p_at), d.value) FROM jsonb_each(p_data) AS d
                WHERE jsonb_typeof(d.value) <> 'null') AS m
          ORDER BY m.key, m.value DESC) AS latest
$$;
COMMENT ON FUNCTION ingest.latest_members(jsonb, jsonb, timestamptz) IS
    'What events stated of one thing, {"member": [epoch seconds, value]}, with one more event: of each member the latest, in whatever '
    'order they come';

CREATE FUNCTION ingest.news_of(p_before jsonb, p_after jsonb) RETURNS jsonb
LANGUAGE sql IMMUTABLE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT coalesce(jsonb_object_agg(a.key, a.value -> 1), '{}') FROM jsonb_each(p_after) AS a
    WHERE a.value IS DISTINCT FROM p_before -> a.key
$$;
COMMENT ON FUNCTION ingest.news_of(jsonb, jsonb) IS 'The members, without times, that latest_members() has changed';
