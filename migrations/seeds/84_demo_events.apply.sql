-- An app with two rooms: the raffle of one is over, the other is being prepared.
INSERT INTO identity.users (id, organization_id, email, username, password_hash, role, first_name, last_name,
                            is_email_verified, email_verified_at, password_changed_at, provider, provider_id, avatar_url)
SELECT ('00000000-0000-7000-8000-' || lpad((800 + n)::text, 12, '0'))::uuid,
       (SELECT id FROM identity.organizations WHERE slug = 'default-org'),
       lower(name) || '.guest@example.com', lower(name) || '.guest',
       CASE WHEN n = 1 THEN current_setting('tallyd.hash_demo') END, 'customer', name, 'Guest', true, now(),
       CASE WHEN n = 1 THEN now() END,
       CASE WHEN n > 1 THEN 'google' END, CASE WHEN n > 1 THEN 'demo-' || n END,
       CASE WHEN n > 1 THEN 'https://avatars.example.com/' || lower(name) || '.png' END
FROM unnest(ARRAY['Olga', 'Paul', 'Quin', 'Rosa', 'Sami', 'Tara']) WITH ORDINALITY AS guest (name, n)
ON CONFLICT DO NOTHING;

INSERT INTO engagement.apps (id, app_id, name, description, manifest, manifest_version, manifest_history)
VALUES ('00000000-0000-7000-8000-000000000811', 'demo-raffle', 'Raffle', 'Draws winners among those who are in the room',
        '{"meta": {"name": "Raffle", "version": "1.1.0"}, "settings": {"rounds": "integer", "draw": ["random", "manual"]}}', '1.1.0',
        '[{"version": "1.0.0", "manifest": {"meta": {"name": "Raffle", "version": "1.0.0"}, "settings": {"rounds": "integer"}}}]')
ON CONFLICT DO NOTHING;

INSERT INTO engagement.rooms (id, app_id, app_manifest_version, created_by, name, description, status, is_public, app_settings,
                              max_participants, starts_at, ends_at)
SELECT r.id::uuid, a.app_id, r.version, u.id, r.name, r.description, r.status::engagement.room_status, r.is_public, r.settings::jsonb, 50,
       now() + r.begins, now() + r.begins + interval '2 hours'
FROM (VALUES
    ('00000000-0000-7000-8000-000000000821', '1.0.0', 'Spring raffle', 'Three prizes, drawn at random', 'completed', true,
     '{"rounds": 3}', interval '-30 days'),
    ('00000000-0000-7000-8000-000000000822', '1.1.0', 'Summer raffle', 'Being prepared', 'draft', false,
     '{"rounds": 1, "draw": "random"}', interval '30 days')
) AS r (id, version, name, description, status, is_public, settings, begins)
JOIN engagement.apps AS a ON a.id = '00000000-0000-7000-8000-000000000811'
JOIN identity.users AS u ON u.id = '00000000-0000-7000-8000-000000000801'
ON CONFLICT DO NOTHING;

-- All users were in the first room, and one has left it; the second has only its organizer so far.
INSERT INTO engagement.participants (id, room_id, user_id, role, metadata, joined_at, deleted_at)
SELECT ('00000000-0000-7000-8000-' || lpad((830 + room * 10 + n)::text, 12, '0'))::uuid, r.id, u.id,
       (ARRAY['organizer', 'moderator', 'participant', 'participant', 'participant', 'viewer'])[n]::engagement.participant_role,
       jsonb_build_object('tickets', n % 3), r.starts_at, CASE WHEN n = 5 THEN r.starts_at + interval '1 hour' END
FROM generate_series(1, 2) AS room
CROSS JOIN generate_series(1, 6) AS n
JOIN engagement.rooms AS r ON r.id = ('00000000-0000-7000-8000-' || lpad((820 + room)::text, 12, '0'))::uuid
JOIN identity.users AS u ON u.id = ('00000000-0000-7000-8000-' || lpad((800 + n)::text, 12, '0'))::uuid
WHERE room = 1 OR n = 1
ON CONFLICT DO NOTHING;

INSERT INTO engagement.prizes (id, room_id, name, description, quantity, display_order, metadata, deleted_at)
SELECT ('00000000-0000-7000-8000-' || lpad((860 + n)::text, 12, '0'))::uuid, r.id, p.name, p.description, p.quantity, n,
       jsonb_build_object('sponsor', 'Acme Corporation'), CASE WHEN n = 4 THEN r.starts_at END
FROM (VALUES (1, 'Headphones', 'First prize', 1), (2, 'Book voucher', 'Second prize', 2), (3, 'Mug', 'For everybody who asks', 10),
             (4, 'Bicycle', 'Was taken back by its sponsor', 1)) AS p (n, name, description, quantity)
JOIN engagement.rooms AS r ON r.id = '00000000-0000-7000-8000-000000000821'
ON CONFLICT DO NOTHING;

INSERT INTO engagement.winners (id, room_id, prize_id, participant_id, metadata, won_at, deleted_at)
SELECT ('00000000-0000-7000-8000-' || lpad((870 + w.n)::text, 12, '0'))::uuid, p.room_id, p.id, m.id,
       jsonb_build_object('round', w.n, 'draw', 'random'), m.joined_at + w.n * interval '10 minutes',
       CASE WHEN w.revoked THEN m.joined_at + interval '1 day' END
FROM (VALUES (1, 861, 843, false), (2, 862, 844, false), (3, 862, 845, true), (4, 862, 842, false), (5, 863, 846, false))
    AS w (n, prize, participant, revoked)
JOIN engagement.prizes AS p ON p.id = ('00000000-0000-7000-8000-' || lpad(w.prize::text, 12, '0'))::uuid
JOIN engagement.participants AS m ON m.id = ('00000000-0000-7000-8000-' || lpad(w.participant::text, 12, '0'))::uuid
    AND m.room_id = p.room_id
ON CONFLICT DO NOTHING;
