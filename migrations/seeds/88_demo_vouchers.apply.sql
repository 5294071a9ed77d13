-- A therapist and two clients with vouchers of the default organization, and their sessions.
INSERT INTO identity.users (id, organization_id, email, username, password_hash, role, first_name, last_name, phone,
                            is_email_verified, email_verified_at, password_changed_at, approved_at, approved_by, is_organization_owner)
SELECT p.id::uuid, o.id, username || '@example.com', username, current_setting('tallyd.hash_demo'), role::identity.user_role, first_name,
       last_name, p.phone, true, now(), now(), now(), (SELECT id FROM identity.users WHERE id = '00000000-0000-7000-8000-000000000101'),
       role = 'organization_owner'
FROM (VALUES
    ('00000000-0000-7000-8000-000000001001', 'thea.therapist', 'therapist', 'Thea', 'Mender', '+15555550101'),
    ('00000000-0000-7000-8000-000000001002', 'carl.client', 'client', 'Carl', 'Weber', '+15555550102'),
    ('00000000-0000-7000-8000-000000001003', 'dora.client', 'client', 'Dora', 'Singh', '+15555550103'),
    ('00000000-0000-7000-8000-000000001004', 'olaf.owner', 'organization_owner', 'Olaf', 'Berg', '+15555550104')
) AS p (id, username, role, first_name, last_name, phone)
LEFT JOIN identity.organizations AS o ON o.slug = 'default-org'
ON CONFLICT DO NOTHING;

-- One in use, one used up, one that waits for its payment, one of a group.
INSERT INTO vouchers.vouchers (id, voucher_code, organization_id, voucher_type_id, client_id, therapist_id, status, total_sessions,
                               used_sessions, backup_sessions, used_backup_sessions, valid_from, valid_until, payment_method,
                               payment_status, payment_amount, currency, payment_date, invoice_number)
SELECT v.id::uuid, v.code, t.organization_id, t.id, client.id, therapist.id, v.status::vouchers.voucher_status, t.total_sessions, v.used,
       t.backup_sessions, v.used_backup, now() - v.ago, now() - v.ago + t.validity_days * interval '1 day',
       CASE WHEN v.status <> 'pending' THEN 'card' END,
       CASE WHEN v.status = 'pending' THEN 'pending' ELSE 'paid' END::vouchers.voucher_payment_status, t.price, t.currency,
       CASE WHEN v.status <> 'pending' THEN now() - v.ago END, CASE WHEN v.status <> 'pending' THEN 'INV-' || v.code END
FROM (VALUES
    ('00000000-0000-7000-8000-000000001011', 'DEMO-V-1', '00000000-0000-7000-8000-000000000221', '00000000-0000-7000-8000-000000001002', 'active', 3, 1, interval '40 days'),
    ('00000000-0000-7000-8000-000000001012', 'DEMO-V-2', '00000000-0000-7000-8000-000000000223', '00000000-0000-7000-8000-000000001003', 'completed', 20, 0, interval '50 days'),
    ('00000000-0000-7000-8000-000000001013', 'DEMO-V-3', '00000000-0000-7000-8000-000000000221', '00000000-0000-7000-8000-000000001003', 'pending', 0, 0, interval '0'),
    ('00000000-0000-7000-8000-000000001014', 'DEMO-V-4', '00000000-0000-7000-8000-000000000222', '00000000-0000-7000-8000-000000001002', 'active', 1, 0, interval '20 days')
) AS v (id, code, type_id, client_id, status, used, used_backup, ago)
JOIN vouchers.voucher_types AS t ON t.id = v.type_id::uuid
JOIN identity.users AS client ON client.id = v.client_id::uuid
JOIN identity.users AS therapist ON therapist.id = '00000000-0000-7000-8000-000000001001'
ON CONFLICT DO NOTHING;

-- The sessions that were used, up to last week, and the next one of each voucher in use: on Tuesdays
-- at ten; of a daily voucher on four days a week, which the booking rules allow.
INSERT INTO vouchers.voucher_sessions (id, voucher_id, therapist_id, kind, status, scheduled_start, scheduled_end, completed_at)
SELECT ('00000000-0000-7000-8000-' || lpad((102000 + (right(v.id::text, 1)::int) * 100 + n)::text, 12, '0'))::uuid, v.id, v.therapist_id,
       CASE WHEN n > v.used_sessions AND n <= used THEN 'backup' ELSE 'regular' END::vouchers.session_kind,
       CASE WHEN n > used THEN 'scheduled' WHEN n = 2 THEN 'no_show' ELSE 'completed' END::vouchers.session_status,
       s.begins, s.ends, CASE WHEN n <= used AND n <> 2 THEN s.ends END
FROM vouchers.vouchers AS v
JOIN vouchers.voucher_types AS t ON t.id = v.voucher_type_id
CROSS JOIN LATERAL (SELECT v.used_sessions + v.used_backup_sessions AS used) AS u
CROSS JOIN LATERAL generate_series(1, used + CASE v.status WHEN 'active' THEN 1 ELSE 0 END) AS n
CROSS JOIN LATERAL (
    SELECT begins, begins + t.session_duration_minutes * interval '1 minute' AS ends
    FROM (SELECT date_trunc('week', now(), 'UTC') + interval '10 hours'
                 + CASE WHEN n > used THEN interval '8 days'
                        WHEN t.frequency = 'daily' THEN ((n - 1) % 4 - 7 * ((used - n) / 4 + 1)) * interval '1 day'
                        ELSE (1 - 7 * (used - n + 1)) * interval '1 day' END AS begins) AS b
) AS s
WHERE v.id BETWEEN '00000000-0000-7000-8000-000000001011' AND '00000000-0000-7000-8000-000000001014'
ON CONFLICT DO NOTHING;

INSERT INTO billing.payment_transactions (id, voucher_id, organization_id, client_id, amount, currency, status, payment_method,
                                          payment_gateway, gateway_transaction_id, gateway_response, completed_at)
SELECT ('00000000-0000-7000-8000-' || lpad((1020 + (right(v.id::text, 1)::int))::text, 12, '0'))::uuid, v.id, v.organization_id, v.client_id,
       v.payment_amount, v.currency, 'succeeded', v.payment_method, 'demo', 'demo-' || lower(v.voucher_code), '{"result": "ok"}', v.payment_date
FROM vouchers.vouchers AS v
WHERE v.payment_status = 'paid' AND v.id BETWEEN '00000000-0000-7000-8000-000000001011' AND '00000000-0000-7000-8000-000000001014'
ON CONFLICT DO NOTHING;

INSERT INTO identity.permissions (id, user_id, organization_id, permission, granted_by)
SELECT p.id::uuid, u.id, u.organization_id, p.permission, (SELECT id FROM identity.users WHERE id = '00000000-0000-7000-8000-000000000101')
FROM (VALUES ('00000000-0000-7000-8000-000000001031', '00000000-0000-7000-8000-000000001004', 'manage_users'),
             ('00000000-0000-7000-8000-000000001032', '00000000-0000-7000-8000-000000001004', 'manage_vouchers'),
             ('00000000-0000-7000-8000-000000001033', '00000000-0000-7000-8000-000000001001', 'manage_vouchers')) AS p (id, user_id, permission)
JOIN identity.users AS u ON u.id = p.user_id::uuid
ON CONFLICT DO NOTHING;
