-- The effects of events on rooms: participants and winners.

ALTER TABLE engagement.participants ADD COLUMN status_at timestamptz, ADD COLUMN event_state jsonb NOT NULL DEFAULT '{}';
COMMENT ON COLUMN engagement.participants.status_at IS 'Time of the latest event by which the user joined or left; null: no event has';
COMMENT ON COLUMN engagement.participants.event_state IS
    'What events stated of the participant, for apply_room_event: see ingest.latest_members';
COMMENT ON COLUMN engagement.participants.joined_at IS
    'When the user was first there. One who leaves and joins again keeps the row, and this';
CREATE INDEX participants_present_idx ON engagement.participants (room_id) WHERE deleted_at IS NULL;

CREATE FUNCTION engagement.move_participant(p_room_id uuid, p_is_leaving boolean, p_at timestamptz, p_data jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    room record;
    member record;
    was engagement.participants;
    decides boolean;
    state_now jsonb;
    news jsonb;
BEGIN
    SELECT r.status, r.ends_at, r.max_participants INTO room FROM engagement.rooms AS r WHERE r.id = p_room_id;
    SELECT u.id, u.deleted_at INTO member FROM identity.users AS u WHERE u.id = ingest.event_uuid(p_data ->> 'user_id') FOR KEY SHARE;
    IF NOT FOUND OR (NOT p_is_leaving AND member.deleted_at <= p_at) THEN
        RETURN format('unknown_user: there is no user %s', coalesce(p_data ->> 'user_id', ''));
    ELSIF coalesce(p_data ->> 'role', '') NOT IN ('', 'admin', 'organizer', 'moderator', 'participant', 'viewer') THEN
        RETURN 'bad_value: role is none of admin, organizer, moderator, participant, viewer';
    ELSIF NOT p_is_leaving AND room.status <> 'active' THEN
        RETURN format('room_not_open: room %s is %s', p_room_id, room.status);
    ELSIF NOT p_is_leaving AND p_at >= room.ends_at THEN
        RETURN format('room_not_open: room %s ended at %s', p_room_id, ingest.time_text(room.ends_at));
    END IF;
    SELECT * INTO was FROM engagement.participants AS p WHERE p.user_id = member.id AND p.room_id = p_room_id
    ORDER BY p.deleted_at IS NOT NULL, p.deleted_at DESC, p.id LIMIT 1 FOR NO KEY UPDATE;
    decides := NOT FOUND OR (p_at, p_is_leaving) > (coalesce(was.status_at, was.deleted_at, was.joined_at), was.deleted_at IS NOT NULL);
    IF decides AND NOT p_is_leaving AND (was.id IS NULL OR was.deleted_at IS NOT NULL) AND room.max_participants <=
        (SELECT count(*) FROM engagement.participants AS p WHERE p.room_id = p_room_id AND p.deleted_at IS NULL) THEN
        RETURN format('room_full: room %s has %s participants', p_room_id, room.max_participants);
    END IF;
    state_now := ingest.latest_members(was.event_state, p_data - '{room_id,user_id,participant_id,prize_id}'::text[], p_at);
    news := ingest.news_of(was.event_state, state_now);
    IF was.id IS NULL THEN
        INSERT INTO engagement.participants (room_id, user_id, role, metadata, joined_at, deleted_at, status_at, event_state)
        VALUES (p_room_id, member.id, coalesce(nullif(news ->> 'role', ''), 'participant')::engagement.participant_role,
                news - 'role', p_at, CASE WHEN p_is_leaving THEN p_at END, p_at, state_now);
    ELSE
        UPDATE engagement.participants AS p
        SET role = coalesce(nullif(news ->> 'role', '')::engagement.participant_role, p.role), metadata = p.metadata || (news - 'role'),
            joined_at = least(p.joined_at, p_at), event_state = state_now,
            deleted_at = CASE WHEN NOT decides THEN p.deleted_at WHEN p_is_leaving THEN p_at END,
            status_at = CASE WHEN decides THEN p_at ELSE p.status_at END
        WHERE p.id = was.id;
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION engagement.move_participant(uuid, boolean, timestamptz, jsonb) IS
    'Of apply_room_event, which holds the room''s lock: a user joins or leaves, whichever is later. One who leaves before joining is '
    'kept as having left';

CREATE FUNCTION engagement.give_prize(p_event_id uuid, p_room_id uuid, p_at timestamptz, p_data jsonb) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    room_status engagement.room_status;
    prize record;
    participant record;
    winner record;
BEGIN
    SELECT r.status INTO room_status FROM engagement.rooms AS r WHERE r.id = p_room_id;
    IF room_status NOT IN ('active', 'completed') THEN -- often the draw follows the end of the event
        RETURN format('room_not_open: room %s is %s', p_room_id, room_status);
    END IF;
    SELECT p.id, p.quantity INTO prize FROM engagement.prizes AS p
    WHERE p.id = ingest.event_uuid(p_data ->> 'prize_id') AND p.room_id = p_room_id AND p.deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN format('unknown_prize: room %s has no prize %s', p_room_id, coalesce(p_data ->> 'prize_id', ''));
    END IF;
    SELECT p.id, p.deleted_at INTO participant FROM engagement.participants AS p
    WHERE p.room_id = p_room_id AND CASE WHEN coalesce(p_data ->> 'participant_id', '') <> ''
                                         THEN p.id = ingest.event_uuid(p_data ->> 'participant_id')
                                         ELSE p.user_id = ingest.event_uuid(p_data ->> 'user_id') END
    ORDER BY p.deleted_at IS NOT NULL, p.deleted_at DESC, p.id LIMIT 1 FOR KEY SHARE;
    IF NOT FOUND OR participant.deleted_at < p_at THEN
        RETURN format('not_a_participant: %s is not in room %s',
                      coalesce(p_data ->> 'participant_id', p_data ->> 'user_id', ''), p_room_id);
    END IF;
    SELECT w.id, w.deleted_at INTO winner FROM engagement.winners AS w WHERE w.prize_id = prize.id AND w.participant_id = participant.id
    ORDER BY w.deleted_at IS NOT NULL, w.deleted_at DESC, w.id LIMIT 1;
    IF FOUND AND winner.deleted_at IS NULL THEN
        UPDATE engagement.winners AS w SET won_at = p_at WHERE w.id = winner.id AND w.won_at > p_at;
        RETURN NULL; -- already has it
    ELSIF FOUND AND p_at <= winner.deleted_at THEN
        RETURN NULL; -- had it, and it was revoked later
    ELSIF prize.quantity <= (SELECT count(*) FROM engagement.winners AS w WHERE w.prize_id = prize.id AND w.deleted_at IS NULL) THEN
        RETURN format('no_prize_left: prize %s has been won %s times', prize.id, prize.quantity);
    ELSIF winner.id IS NOT NULL THEN
        UPDATE engagement.winners AS w SET deleted_at = NULL, won_at = p_at WHERE w.id = winner.id;
    ELSE
        INSERT INTO engagement.winners (id, room_id, prize_id, participant_id, metadata, won_at)
        VALUES (p_event_id, p_room_id, prize.id, participant.id,
                p_data - '{room_id,prize_id,participant_id,user_id,role}'::text[], p_at);
    END IF;
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION engagement.give_prize(uuid, uuid, timestamptz, jsonb) IS
    'Of apply_room_event, which holds the room''s lock: a participant wins a prize, once, while there are any left';

CREATE FUNCTION engagement.apply_room_event(p_event_id uuid, p_type text, p_subject text, p_at timestamptz, p_data jsonb,
                                            p_source_id uuid, p_batch_id uuid) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    verdict constant text := ingest.event_problem(p_at, p_data);
    named constant text := ingest.event_entity(p_subject, p_data, 'room_id', 'room_id');
    room uuid;
BEGIN
    IF verdict IS NOT NULL THEN
        RETURN verdict;
    ELSIF p_type IS NULL OR p_type NOT IN ('room.joined', 'room.left', 'room.prize.won') THEN
        RETURN format('unknown_type: %s is none of room.joined, room.left, room.prize.won', p_type);
    END IF;
    SELECT r.id INTO room FROM engagement.rooms AS r WHERE r.id = ingest.event_uuid(named) AND r.deleted_at IS NULL FOR NO KEY UPDATE;
    IF NOT FOUND THEN
        RETURN format('unknown_room: there is no room %s', named);
    ELSIF p_type = 'room.prize.won' THEN
        RETURN engagement.give_prize(p_event_id, room, p_at, p_data);
    END IF;
    RETURN engagement.move_participant(room, p_type = 'room.left', p_at, p_data);
END
$$;
COMMENT ON FUNCTION engagement.apply_room_event(uuid, text, text, timestamptz, jsonb, uuid, uuid) IS
    'Applies room.joined, room.left and room.prize.won: one participant per user, one winner per prize and participant. Reasons: '
    'unknown_room, room_not_open, room_full, unknown_user, unknown_prize, no_prize_left, not_a_participant, unknown_type, bad_value, '
    'bad_data';
