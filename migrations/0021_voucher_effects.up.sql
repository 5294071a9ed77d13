-- The effects of events on vouchers and their sessions.

-- NULL means UTC. The zone is checked by using it: an unknown zone raises 22023.
ALTER TABLE identity.organizations ADD COLUMN time_zone text
    CHECK (time_zone IS NULL OR timezone(time_zone, '2000-01-01 00:00Z'::timestamptz) IS NOT NULL);
COMMENT ON COLUMN identity.organizations.time_zone IS 'IANA zone of its hours, as in booking rules; null: UTC';

ALTER TABLE vouchers.voucher_sessions ADD COLUMN status_at timestamptz, ADD COLUMN event_state jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN vouchers.voucher_sessions.status_at IS 'Time of the event that decided the status; null: no event has';
COMMENT ON COLUMN vouchers.voucher_sessions.event_state IS
    'What events stated of the session, for apply_session: see ingest.latest_members';

CREATE FUNCTION vouchers.booking_problem(p_voucher_id uuid, p_start timestamptz) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    voucher record;
    local_start timestamp;
    day text;
    clock text;
    rule jsonb;
BEGIN
    SELECT v.status, v.valid_from, v.valid_until, coalesce(t.booking_rules, '{}') AS rules,
           coalesce(o.time_zone, 'UTC') AS time_zone INTO voucher
    FROM vouchers.vouchers AS v JOIN identity.organizations AS o ON o.id = v.organization_id
    LEFT JOIN vouchers.voucher_types AS t ON t.id = v.voucher_type_id
    WHERE v.id = p_voucher_id;
    IF voucher.status NOT IN ('active', 'completed') THEN
        RETURN format('voucher_not_valid: the voucher is %s', voucher.status);
    ELSIF p_start < voucher.valid_from THEN
        RETURN format('voucher_not_valid: it is valid from %s, the session starts at %s', ingest.time_text(voucher.valid_from),
                      ingest.time_text(p_start));
    ELSIF p_start >= voucher.valid_until THEN
        RETURN format('voucher_not_valid: it is valid until %s, the session starts at %s', ingest.time_text(voucher.valid_until),
                      ingest.time_text(p_start));
    ELSIF voucher.rules = '{}' THEN
        RETURN NULL;
    END IF;
    local_start := p_start AT TIME ZONE voucher.time_zone;
    day := ('{monday,tuesday,wednesday,thursday,friday,saturday,sunday}'::text[])[extract(isodow FROM local_start)::integer];
    clock := to_char(local_start, 'HH24:MI');
    rule := voucher.rules -> day;
    IF NOT coalesce((rule -> 'enabled')::boolean, false) THEN
        RETURN format('booking_refused: no sessions on a %s (%s)', day, voucher.time_zone);
    ELSIF clock COLLATE "C" < (rule ->> 'start_time') COLLATE "C" OR clock COLLATE "C" >= (rule ->> 'end_time') COLLATE "C" THEN
        RETURN format('booking_refused: sessions of a %s start from %s until before %s, not at %s (%s)',
                      day, rule ->> 'start_time', rule ->> 'end_time', clock, voucher.time_zone);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vouchers.booking_problem(uuid, timestamptz) IS
    'Verdict on a session of a voucher that starts at a moment: voucher_not_valid, booking_refused or null. The start counts, in the '
    'organization''s time zone';

-- The number of consumed sessions decides how many are regular and how many backup, and the start of
-- a session decides of which kind it is: so the order of arrival does not matter. Sessions that were
-- counted without a row (vouchers of another system) count as the earliest.
CREATE FUNCTION vouchers.count_session(p_voucher_id uuid, p_change integer) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    consumed integer;
    regular integer;
BEGIN
    UPDATE vouchers.vouchers AS v
    SET used_sessions = least(n.consumed, v.total_sessions), used_backup_sessions = n.consumed - least(n.consumed, v.total_sessions),
        status = CASE WHEN p_change = 0 OR v.status NOT IN ('active', 'completed') THEN v.status
                      WHEN n.consumed < v.total_sessions + v.backup_sessions THEN 'active' ELSE 'completed' END
    FROM (SELECT greatest(0, u.used_sessions + u.used_backup_sessions + p_change) AS consumed FROM vouchers.vouchers AS u
          WHERE u.id = p_voucher_id) AS n
    WHERE v.id = p_voucher_id
    RETURNING n.consumed, v.total_sessions INTO consumed, regular;
    UPDATE vouchers.voucher_sessions AS s SET kind = k.kind
    FROM (SELECT c.id, CASE WHEN greatest(0, consumed - count(*) OVER ()) + row_number() OVER (ORDER BY c.scheduled_start, c.id) <= regular
                            THEN 'regular' ELSE 'backup' END::vouchers.session_kind AS kind
          FROM vouchers.voucher_sessions AS c WHERE c.voucher_id = p_voucher_id AND c.status IN ('completed', 'no_show')) AS k
    WHERE s.id = k.id AND s.kind <> k.kind;
END
$$;
COMMENT ON FUNCTION vouchers.count_session(uuid, integer) IS
    'Of apply_session, which holds the voucher''s lock: one session more or less (or one that moved: 0), first regular ones, then '
    'backup; completes the voucher with the last one and activates it when one is given back';

CREATE FUNCTION vouchers.session_data_problem(p_data jsonb) RETURNS text
LANGUAGE plpgsql STABLE
SET search_path = pg_catalog
AS $$
DECLARE
    member text;
BEGIN
    IF coalesce(nullif(p_data ->> 'action', ''), 'completed') NOT IN ('scheduled', 'completed', 'no_show', 'cancelled') THEN
        RETURN 'bad_value: action is none of scheduled, completed, no_show, cancelled';
    ELSIF coalesce(p_data ->> 'session_id', '') <> '' AND ingest.event_uuid(p_data ->> 'session_id') IS NULL THEN
        RETURN 'bad_value: session_id is no uuid';
    END IF;
    FOREACH member IN ARRAY ARRAY['scheduled_start', 'scheduled_end'] LOOP
        IF p_data ->> member IS NOT NULL AND ingest.event_time(p_data ->> member) IS NULL THEN
            RETURN format('bad_value: %s is no time (RFC 3339)', member);
        END IF;
    END LOOP;
    IF ingest.event_time(p_data ->> 'scheduled_end') <= ingest.event_time(p_data ->> 'scheduled_start') THEN
        RETURN 'bad_value: scheduled_end is not after scheduled_start';
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vouchers.session_data_problem(jsonb) IS 'What is wrong with the data of a voucher.session, as a verdict; null: nothing';

-- The session after one more event. What an application wrote holds until an event has another
-- value; a start that was not given is the time of the earliest event.
CREATE FUNCTION vouchers.session_after(p_session vouchers.voucher_sessions, p_at timestamptz, p_data jsonb, p_duration interval)
RETURNS vouchers.voucher_sessions
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    ranks constant text[] := '{scheduled,completed,no_show,cancelled}'; -- with equal times the later in this list decides
    action constant text := coalesce(nullif(p_data ->> 'action', ''), 'completed');
    was constant vouchers.voucher_sessions := p_session;
    state_before jsonb := was.event_state;
    news jsonb;
    ends timestamptz;
    decides constant boolean := was.status_at IS NULL
        OR (p_at, array_position(ranks, action)) > (was.status_at, array_position(ranks, was.status::text));
BEGIN
    IF was.status IS NOT NULL AND was.status_at IS NULL THEN -- set by an application: older than any event
        state_before := ingest.latest_members(
            state_before, jsonb_build_object('scheduled_start', ingest.time_text(was.scheduled_start),
                                             'scheduled_end', ingest.time_text(was.scheduled_end)), 'epoch');
    END IF;
    p_session.event_state := ingest.latest_members(state_before, p_data - '{voucher_code,voucher_id,session_id,action}'::text[], p_at);
    news := ingest.news_of(state_before, p_session.event_state);
    IF decides THEN
        p_session.status := action::vouchers.session_status;
        p_session.status_at := p_at;
        p_session.completed_at := CASE WHEN action = 'completed' THEN p_at END;
        p_session.cancelled_at := CASE WHEN action = 'cancelled' THEN p_at END;
        IF action IN ('scheduled', 'cancelled') THEN
            p_session.kind := 'regular'; -- consumes nothing
        END IF;
    END IF;
    IF decides OR news ? 'reason' THEN -- the reason of the event that canceled it, not of an earlier one
        p_session.cancellation_reason := CASE WHEN p_session.status = 'cancelled'
            AND (p_session.event_state #>> '{reason,0}')::numeric = extract(epoch FROM p_session.status_at)
            THEN p_session.event_state #>> '{reason,1}' END;
    END IF;
    p_session.scheduled_start := CASE WHEN news ? 'scheduled_start' THEN ingest.event_time(news ->> 'scheduled_start')
                                      WHEN p_session.event_state ? 'scheduled_start' THEN was.scheduled_start
                                      ELSE least(was.scheduled_start, p_at) END;
    IF news ? 'scheduled_end' OR was.scheduled_start IS DISTINCT FROM p_session.scheduled_start THEN
        ends := ingest.event_time(p_session.event_state #>> '{scheduled_end,1}');
        p_session.scheduled_end := CASE WHEN ends > p_session.scheduled_start THEN ends ELSE p_session.scheduled_start + p_duration END;
    END IF;
    p_session.metadata := coalesce(was.metadata, '{}') || (news - '{scheduled_start,scheduled_end,reason}'::text[]);
    IF news ? 'therapist_id' THEN -- an unknown therapist stays in metadata
        p_session.therapist_id := ingest.existing_user(ingest.event_uuid(news ->> 'therapist_id'));
        IF p_session.therapist_id IS NOT NULL THEN
            p_session.metadata := p_session.metadata - 'therapist_id';
        END IF;
    END IF;
    RETURN p_session;
END
$$;
COMMENT ON FUNCTION vouchers.session_after(vouchers.voucher_sessions, timestamptz, jsonb, interval) IS
    'Of apply_session: what a session (all null: a new one) becomes by one event';

CREATE FUNCTION vouchers.apply_session(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                       p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict text := coalesce(ingest.event_problem(p_at, p_data), vouchers.session_data_problem(p_data));
    session_id constant uuid := coalesce(ingest.event_uuid(p_data ->> 'session_id'), p_event_id);
    named constant text := ingest.event_entity(p_subject, p_data, 'voucher_code', 'voucher_id');
    named_id constant uuid := ingest.find_entity('vouchers.vouchers', 'voucher_code', named);
    voucher record;
    was vouchers.voucher_sessions;
    becomes vouchers.voucher_sessions;
    is_known boolean;
    change integer;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    END IF;
    SELECT v.id, v.used_sessions + v.used_backup_sessions AS consumed, v.total_sessions + v.backup_sessions AS bought,
           make_interval(mins => coalesce(t.session_duration_minutes, 60)) AS duration INTO voucher
    FROM vouchers.vouchers AS v LEFT JOIN vouchers.voucher_types AS t ON t.id = v.voucher_type_id
    WHERE v.id = named_id FOR NO KEY UPDATE OF v;
    IF NOT FOUND THEN
        RETURN format('unknown_voucher: no voucher has the code or id %s', named);
    END IF;
    SELECT * INTO was FROM vouchers.voucher_sessions AS s WHERE s.id = session_id FOR UPDATE;
    is_known := FOUND;
    IF is_known AND was.voucher_id <> voucher.id THEN
        RETURN format('booking_refused: session %s is one of another voucher', session_id);
    END IF;
    becomes := vouchers.session_after(was, p_at, p_data, voucher.duration);
    IF is_known AND becomes IS NOT DISTINCT FROM was THEN
        RETURN NULL;
    END IF;
    -- A cancellation is not a booking, so it may arrive at any time. The session that it cancels must
    -- follow the booking rules, even if it arrives later: otherwise the result would depend on the
    -- order.
    IF coalesce(p_data ->> 'action', '') <> 'cancelled'
       OR (becomes.status <> 'cancelled' AND becomes.scheduled_start IS DISTINCT FROM was.scheduled_start) THEN
        verdict := vouchers.booking_problem(voucher.id, becomes.scheduled_start);
        IF verdict IS NOT NULL THEN
            RETURN verdict;
        END IF;
    END IF;
    IF becomes.status = 'scheduled' AND EXISTS (
        SELECT FROM vouchers.voucher_sessions AS s WHERE s.voucher_id = voucher.id AND s.status = 'scheduled'
            AND s.scheduled_start = becomes.scheduled_start AND s.id <> session_id) THEN
        RETURN format('booking_refused: another session is scheduled for %s', ingest.time_text(becomes.scheduled_start));
    END IF;
    change := (becomes.status IN ('completed', 'no_show'))::integer - coalesce((was.status IN ('completed', 'no_show'))::integer, 0);
    IF change > 0 AND voucher.consumed >= voucher.bought THEN
        RETURN format('no_sessions_left: all %s sessions of the voucher are used', voucher.bought);
    END IF;
    INSERT INTO vouchers.voucher_sessions AS s (id, voucher_id, therapist_id, kind, status, scheduled_start, scheduled_end, completed_at,
                                                cancelled_at, cancellation_reason, metadata, status_at, event_state)
    VALUES (session_id, voucher.id, becomes.therapist_id, coalesce(becomes.kind, 'regular'), becomes.status, becomes.scheduled_start,
            becomes.scheduled_end, becomes.completed_at, becomes.cancelled_at, becomes.cancellation_reason, becomes.metadata,
            becomes.status_at, becomes.event_state)
    ON CONFLICT (id) DO UPDATE
    SET therapist_id = excluded.therapist_id, kind = excluded.kind, status = excluded.status, scheduled_start = excluded.scheduled_start,
        scheduled_end = excluded.scheduled_end, completed_at = excluded.completed_at, cancelled_at = excluded.cancelled_at,
        cancellation_reason = excluded.cancellation_reason, metadata = excluded.metadata, status_at = excluded.status_at,
        event_state = excluded.event_state
    WHERE is_known;
    IF NOT FOUND THEN
        RETURN format('booking_refused: session %s is one of another voucher', session_id); -- since the check above
    ELSIF change <> 0 OR becomes.status IN ('completed', 'no_show') THEN
        PERFORM vouchers.count_session(voucher.id, change);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION vouchers.apply_session(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS
    'Applies voucher.session: the latest action on a session by its own time decides; completed and no_show consume a session of the '
    'voucher, cancelled gives it back. Reasons: unknown_voucher, voucher_not_valid, no_sessions_left, booking_refused, bad_value, '
    'bad_data';
