-- Voucher types of the default organization. Sessions are booked from eight to eight on working
-- days, on Friday from noon to three.
INSERT INTO vouchers.voucher_types (id, organization_id, name, session_name, description, total_sessions, backup_sessions,
                                    session_duration_minutes, max_clients_per_session, frequency, price, currency,
                                    validity_days, booking_rules)
SELECT t.id::uuid, o.id, t.name, t.session_name, t.description, t.total_sessions, t.backup_sessions, t.duration, t.clients,
       t.frequency::vouchers.voucher_frequency, t.price, 'USD', t.validity_days,
       '{"monday": {"enabled": true, "start_time": "08:00", "end_time": "20:00"},
         "tuesday": {"enabled": true, "start_time": "08:00", "end_time": "20:00"},
         "wednesday": {"enabled": true, "start_time": "08:00", "end_time": "20:00"},
         "thursday": {"enabled": true, "start_time": "08:00", "end_time": "20:00"},
         "friday": {"enabled": true, "start_time": "12:00", "end_time": "15:00"},
         "saturday": {"enabled": false},
         "sunday": {"enabled": false}}'
FROM (VALUES
    ('00000000-0000-7000-8000-000000000221', 'Standard Individual Therapy', 'Therapy Session',
     'Ten weekly sessions of an hour, and two to spare', 10, 2, 60, 1, 'weekly', 399.99, 120),
    ('00000000-0000-7000-8000-000000000222', 'Group Therapy Package', 'Group Session',
     'Eight weekly sessions of an hour and a half for up to eight', 8, 2, 90, 8, 'weekly', 199.99, 90),
    ('00000000-0000-7000-8000-000000000223', 'Intensive Daily Sessions', 'Intensive Session',
     'Twenty daily sessions of three quarters of an hour', 20, 4, 45, 1, 'daily', 799.99, 60)
) AS t (id, name, session_name, description, total_sessions, backup_sessions, duration, clients, frequency, price, validity_days)
JOIN identity.organizations AS o ON o.slug = 'default-org'
ON CONFLICT DO NOTHING;
