-- An affiliate that has been active for two months, one that waits for approval, and their clicks.
INSERT INTO identity.users (id, organization_id, email, username, password_hash, role, first_name, last_name,
                            is_email_verified, email_verified_at, password_changed_at)
SELECT ('00000000-0000-7000-8000-' || lpad((900 + n)::text, 12, '0'))::uuid,
       (SELECT id FROM identity.organizations WHERE slug = 'default-org'),
       username || '@example.com', username, current_setting('tallyd.hash_demo'), 'customer', first_name, last_name, true, now(), now()
FROM (VALUES (1, 'uma.partner', 'Uma', 'Partner'), (2, 'vic.partner', 'Vic', 'Partner'), (3, 'wanda.referred', 'Wanda', 'Brought'),
             (4, 'xaver.referred', 'Xaver', 'Brought'), (5, 'yuki.referred', 'Yuki', 'Brought')) AS person (n, username, first_name, last_name)
ON CONFLICT DO NOTHING;

INSERT INTO affiliates.affiliates (id, user_id, affiliate_code, status, company_name, website, commission_rate, currency,
                                   minimum_payout, payout_method, payout_details, approved_at, approved_by)
SELECT a.id::uuid, u.id, a.code, a.status::affiliates.affiliate_status, a.company, a.website, a.rate, 'USD', 50, 'bank_transfer',
       '{"iban": "DE02 0000 0000 0000 0000 00"}', CASE WHEN a.status = 'active' THEN now() - interval '60 days' END,
       CASE WHEN a.status = 'active' THEN (SELECT id FROM identity.users WHERE id = '00000000-0000-7000-8000-000000000101') END
FROM (VALUES
    ('00000000-0000-7000-8000-000000000911', '00000000-0000-7000-8000-000000000901', 'DEMO-UMA', 'active', 'Uma Reviews', 'https://uma.example.com', 20),
    ('00000000-0000-7000-8000-000000000912', '00000000-0000-7000-8000-000000000902', 'DEMO-VIC', 'pending', NULL, 'https://vic.example.com', 10)
) AS a (id, user_id, code, status, company, website, rate)
JOIN identity.users AS u ON u.id = a.user_id::uuid
ON CONFLICT DO NOTHING;

-- Three visitors per day and campaign for twenty days; their partitions may not exist yet.
SELECT ingest.create_partition('affiliates.affiliate_clicks', now() - n * interval '20 days') FROM generate_series(0, 1) AS n;
INSERT INTO affiliates.affiliate_clicks (affiliate_id, clicked_at, id, visitor_id, landing_page, referrer, utm_source, utm_medium,
                                         utm_campaign, ip_address, user_agent, country, created_at)
SELECT a.id, now() - n / 3 * interval '1 day' - n % 3 * interval '1 minute',
       ('00000000-0000-7000-8000-' || lpad((920000 + n)::text, 12, '0'))::uuid, 'visitor-' || n % 17, 'https://example.com/pricing',
       'https://uma.example.com/review', (ARRAY['newsletter', 'blog', 'video'])[1 + n % 3], (ARRAY['email', 'referral', 'social'])[1 + n % 3],
       'spring', ('198.51.100.' || n % 17 + 1)::inet, 'Mozilla/5.0 (demo)', (ARRAY['DE', 'IN', 'US'])[1 + n % 3], now()
FROM generate_series(0, 59) AS n
JOIN affiliates.affiliates AS a ON a.id = '00000000-0000-7000-8000-000000000911'
WHERE NOT EXISTS (SELECT FROM affiliates.affiliate_clicks AS c
                  WHERE c.id BETWEEN '00000000-0000-7000-8000-000000920000' AND '00000000-0000-7000-8000-000000920059');

INSERT INTO affiliates.affiliate_referrals (id, affiliate_id, referred_user_id, referred_email, status, landing_page, utm_source,
                                            utm_medium, utm_campaign, conversion_value, currency, expires_at, converted_at, created_at)
SELECT r.id::uuid, a.id, u.id, u.email, r.status::affiliates.referral_status, 'https://example.com/pricing', 'newsletter', 'email', 'spring',
       r.value, 'USD', now() + interval '60 days', CASE WHEN r.status = 'converted' THEN now() - interval '35 days' END,
       now() - interval '40 days'
FROM (VALUES
    ('00000000-0000-7000-8000-000000000931', '00000000-0000-7000-8000-000000000903', 'converted', 288),
    ('00000000-0000-7000-8000-000000000932', '00000000-0000-7000-8000-000000000904', 'converted', 29.99),
    ('00000000-0000-7000-8000-000000000933', '00000000-0000-7000-8000-000000000905', 'pending', NULL)
) AS r (id, user_id, status, value)
JOIN affiliates.affiliates AS a ON a.id = '00000000-0000-7000-8000-000000000911'
JOIN identity.users AS u ON u.id = r.user_id::uuid
ON CONFLICT DO NOTHING;

INSERT INTO affiliates.affiliate_payouts (id, affiliate_id, status, amount, currency, period_start, period_end, payout_method,
                                          gateway_reference, processed_at, completed_at)
SELECT '00000000-0000-7000-8000-000000000941', a.id, 'completed', 57.6, a.currency, now() - interval '60 days', now() - interval '30 days',
       'bank_transfer', 'demo-payout-1', now() - interval '2 days', now() - interval '1 day'
FROM affiliates.affiliates AS a WHERE a.id = '00000000-0000-7000-8000-000000000911'
ON CONFLICT DO NOTHING;

-- A fifth of each payment: one paid out, one approved since, one pending, one reversed.
INSERT INTO affiliates.affiliate_commissions (id, affiliate_id, referral_id, payout_id, status, base_amount, rate, amount, currency,
                                              description, earned_at, approved_at, paid_at, rejection_reason)
SELECT c.id::uuid, r.affiliate_id, r.id, p.id, c.status::affiliates.commission_status, c.base, 20, c.base * 0.2, 'USD', c.description,
       now() - c.ago, CASE WHEN c.status IN ('paid', 'approved') THEN now() - c.ago + interval '3 days' END,
       CASE WHEN c.status = 'paid' THEN p.completed_at END, CASE WHEN c.status = 'reversed' THEN 'Payment was refunded' END
FROM (VALUES
    ('00000000-0000-7000-8000-000000000951', '00000000-0000-7000-8000-000000000931', 'paid', 288, 'Pro (yearly)', interval '35 days'),
    ('00000000-0000-7000-8000-000000000952', '00000000-0000-7000-8000-000000000932', 'approved', 29.99, 'Pro, first month', interval '35 days'),
    ('00000000-0000-7000-8000-000000000953', '00000000-0000-7000-8000-000000000932', 'pending', 29.99, 'Pro, second month', interval '5 days'),
    ('00000000-0000-7000-8000-000000000954', '00000000-0000-7000-8000-000000000931', 'reversed', 49, 'Extra seats', interval '20 days')
) AS c (id, referral_id, status, base, description, ago)
JOIN affiliates.affiliate_referrals AS r ON r.id = c.referral_id::uuid
LEFT JOIN affiliates.affiliate_payouts AS p ON p.id = '00000000-0000-7000-8000-000000000941' AND c.status = 'paid'
ON CONFLICT DO NOTHING;
