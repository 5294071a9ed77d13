-- Fifty licenses, twelve members of staff on their seats, and the log of changes.
INSERT INTO identity.users (id, organization_id, email, username, password_hash, role, first_name, last_name,
                            is_email_verified, email_verified_at, password_changed_at)
SELECT ('00000000-0000-7000-8000-' || lpad((600 + n)::text, 12, '0'))::uuid,
       (SELECT id FROM identity.organizations WHERE slug = 'default-org'),
       'staff' || n || '@example.com', 'staff' || n, current_setting('tallyd.hash_demo'), 'staff', name, 'Staff', true, now(), now()
FROM unnest(ARRAY['Ada', 'Ben', 'Chitra', 'Dev', 'Elena', 'Farid', 'Grace', 'Hari', 'Iris', 'Jun', 'Kiran', 'Lena'])
    WITH ORDINALITY AS person (name, n)
ON CONFLICT DO NOTHING;

-- License n: the number of seats grows every five licenses, everything else varies with each.
INSERT INTO licensing.licenses (id, key, product, plan, status, term, seats_total, starts_at, expires_at, cancel_date, last_active,
                                dba, zip, last_payment, currency, sms_purchased, sms_sent, sms_balance, agents, agents_name,
                                agents_cost, notes, created_by, updated_by, created_at)
SELECT ('00000000-0000-7000-8000-' || lpad((700000 + n)::text, 12, '0'))::uuid,
       'ABC-' || (ARRAY['SP', 'BS', 'EN'])[1 + n % 3] || '-' || lpad(n::text, 4, '0') || '-' || upper(substr(md5('license ' || n), 1, 8)),
       (ARRAY['ABC Salon Pro', 'ABC Business Suite', 'ABC Enterprise'])[1 + n % 3],
       (ARRAY['Basic', 'Premium', 'Enterprise'])[1 + n / 3 % 3],
       kind.status::licensing.license_status, kind.term::licensing.license_term,
       (ARRAY[5, 8, 10, 15, 20, 25, 40, 50, 75, 100])[1 + (n - 1) / 5],
       midnight + starts_in, CASE WHEN kind.status <> 'draft' THEN midnight + ends_in END,
       CASE WHEN kind.status IN ('cancel', 'revoked') THEN midnight - interval '5 days' END,
       CASE WHEN kind.status IN ('active', 'expiring') THEN midnight - n % 4 * interval '6 hours' END,
       (ARRAY['Glow Studio', 'Main Street Cuts', 'Velvet & Co', 'North Side Salon', 'The Parlour', 'Acme Beauty', 'Blue Door', 'Kastor Group',
              'Lotus Spa', 'Mirror Mirror'])[1 + n % 10] || ' ' || n,
       lpad((10001 + n * 1373 % 89999)::text, 5, '0'),
       CASE WHEN kind.status IN ('draft', 'pending') THEN 0 ELSE CASE kind.term WHEN 'yearly' THEN 10 ELSE 1 END * (49 + n % 3 * 50) END, 'USD',
       n % 5 * 500, n % 5 * n * 3, n % 5 * 500 - n % 5 * n * 3,
       n % 4, to_jsonb((ARRAY['Maya Lin', 'Omar Haddad', 'Priya Nair'])[1:n % 4]), n % 4 * 25,
       CASE WHEN n % 10 = 0 THEN 'Asked for an invoice by post' END,
       admin.id, admin.id, midnight + least(starts_in, interval '0')
FROM generate_series(1, 50) AS n
CROSS JOIN (SELECT date_trunc('day', now(), 'UTC') AS midnight) AS today
CROSS JOIN LATERAL (SELECT CASE WHEN n % 2 = 0 THEN 'yearly' ELSE 'monthly' END AS term,
    (ARRAY['active', 'active', 'pending', 'expiring', 'active', 'expired', 'cancel', 'active', 'draft', 'revoked'])[1 + n % 10] AS status) AS kind
CROSS JOIN LATERAL (SELECT CASE kind.term WHEN 'yearly' THEN interval '365 days' ELSE interval '30 days' END AS lasts) AS length
CROSS JOIN LATERAL (SELECT CASE kind.status WHEN 'pending' THEN interval '3 days' WHEN 'draft' THEN interval '7 days'
                                       WHEN 'expired' THEN - lasts - interval '10 days' WHEN 'expiring' THEN interval '4 days' - lasts
                                       ELSE interval '-20 days' END AS starts_in) AS start
CROSS JOIN LATERAL (SELECT starts_in + lasts AS ends_in) AS finish
LEFT JOIN identity.users AS admin ON admin.id = '00000000-0000-7000-8000-000000000101'
ON CONFLICT DO NOTHING;

-- One to five seats of each valid license are assigned. Every fourth first seat was revoked, and
-- those of a license that has ended were returned.
INSERT INTO licensing.license_assignments (id, license_id, user_id, status, assigned_at, revoked_at, assigned_by, revoked_by, created_at)
SELECT ('00000000-0000-7000-8000-' || lpad((710000 + n * 10 + k)::text, 12, '0'))::uuid, l.id, u.id,
       taken.status::licensing.assignment_status, l.starts_at + k * interval '1 hour',
       CASE WHEN taken.status <> 'assigned' THEN l.starts_at + interval '10 days' END, l.created_by,
       CASE WHEN taken.status = 'revoked' THEN l.created_by END, l.starts_at + k * interval '1 hour'
FROM generate_series(1, 50) AS n
JOIN licensing.licenses AS l ON l.id = ('00000000-0000-7000-8000-' || lpad((700000 + n)::text, 12, '0'))::uuid
    AND l.status IN ('active', 'expiring', 'expired', 'cancel', 'revoked')
CROSS JOIN generate_series(0, 4) AS k
JOIN identity.users AS u ON u.id = ('00000000-0000-7000-8000-' || lpad((601 + (n + k * 5) % 12)::text, 12, '0'))::uuid
CROSS JOIN LATERAL (SELECT CASE WHEN l.status IN ('expired', 'cancel') THEN 'unassigned'
                                WHEN l.status = 'revoked' OR k = 0 AND n % 4 = 0 THEN 'revoked' ELSE 'assigned' END AS status) AS taken
WHERE k <= n % 5
ON CONFLICT DO NOTHING;

-- The events have the times of the changes; the partitions of these months may not exist yet.
CREATE TEMPORARY TABLE seeded_events ON COMMIT DROP AS
SELECT ('00000000-0000-7000-8000-' || lpad((720000 + row_number() OVER (ORDER BY e.happened_at, e.entity_id, e.type))::text, 12, '0'))::uuid AS id, e.*
FROM (
    SELECT 'license.created' AS type, l.created_by AS actor_id, l.id AS entity_id, 'license' AS entity_type,
           jsonb_build_object('key', l.key, 'seats_total', l.seats_total) AS metadata, l.created_at AS happened_at
    FROM licensing.licenses AS l
    UNION ALL
    SELECT 'license.' || CASE l.status WHEN 'cancel' THEN 'cancelled' ELSE l.status::text END, l.updated_by, l.id, 'license',
           jsonb_build_object('key', l.key, 'status', l.status), coalesce(l.cancel_date, least(l.expires_at, now()))
    FROM licensing.licenses AS l WHERE l.status IN ('expired', 'cancel', 'revoked')
    UNION ALL
    SELECT 'assignment.created', a.assigned_by, a.id, 'assignment', jsonb_build_object('license_id', a.license_id), a.assigned_at
    FROM licensing.license_assignments AS a
    UNION ALL
    SELECT 'assignment.' || a.status, a.revoked_by, a.id, 'assignment', jsonb_build_object('license_id', a.license_id), a.revoked_at
    FROM licensing.license_assignments AS a WHERE a.status <> 'assigned'
) AS e
WHERE e.entity_id BETWEEN '00000000-0000-7000-8000-000000700001' AND '00000000-0000-7000-8000-000000719999';
SELECT ingest.create_partition('licensing.license_audit_events', happened_at)
FROM (SELECT DISTINCT date_trunc('month', happened_at, 'UTC') AS happened_at FROM seeded_events) AS months;
INSERT INTO licensing.license_audit_events (id, type, actor_id, entity_id, entity_type, metadata, ip_address, user_agent, created_at)
SELECT id, type, actor_id, entity_id, entity_type, metadata, '192.0.2.10', 'Mozilla/5.0 (demo)', happened_at
FROM seeded_events AS s
WHERE NOT EXISTS (SELECT FROM licensing.license_audit_events AS e
                  WHERE e.id BETWEEN '00000000-0000-7000-8000-000000720001' AND '00000000-0000-7000-8000-000000729999');
