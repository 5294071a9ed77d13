-- The three telecom plans. Prices are in rupees.
INSERT INTO billing.rate_plans (id, code, name, description, monthly_price, annual_price, currency, time_zone,
                                included_minutes, included_dids, max_concurrent_calls, rounding, decimals,
                                features, tier, billing_interval, display_order)
VALUES
    ('00000000-0000-7000-8000-000000000201', 'starter', 'Starter', 'For individuals', 349, 4008, 'INR', 'Asia/Kolkata',
     500, 1, 2, 'half_up', 4,
     '{"voicemail": true, "call_forwarding": true, "support": ["email"]}', 'starter', 'monthly', 1),
    ('00000000-0000-7000-8000-000000000202', 'professional', 'Professional', 'For small businesses', 999, 11508, 'INR',
     'Asia/Kolkata', 2000, 3, 5, 'half_up', 4,
     '{"voicemail": true, "call_forwarding": true, "call_recording": true, "ivr": true, "api_access": true,
       "support": ["email", "chat"]}', 'professional', 'monthly', 2),
    ('00000000-0000-7000-8000-000000000203', 'call-center', 'Call Center', 'For call centers', 4999, 49990, 'INR',
     'Asia/Kolkata', 10000, 10, 25, 'half_up', 4,
     '{"voicemail": true, "call_forwarding": true, "call_recording": true, "ivr": true, "api_access": true,
       "auto_dialer": true, "crm_integration": true, "dedicated_manager": true, "support": ["email", "chat", "24x7"]}',
     'call_center', 'monthly', 3)
ON CONFLICT DO NOTHING;

-- One row per prefix; a price per minute for each plan, in rupees.
CREATE TEMPORARY TABLE seeded_deck ON COMMIT DROP AS
SELECT * FROM (VALUES
    -- prefix, name, direction, call_type, allowance, connect_fee, minimum, starter, professional, call_center
    ('91', 'India landline', 'outbound', 'national', true, 0, 0, 0.60, 0.45, 0.30),
    ('916', 'India mobile', 'outbound', 'mobile', true, 0, 0, 0.80, 0.60, 0.40),
    ('917', 'India mobile', 'outbound', 'mobile', true, 0, 0, 0.80, 0.60, 0.40),
    ('918', 'India mobile', 'outbound', 'mobile', true, 0, 0, 0.80, 0.60, 0.40),
    ('919', 'India mobile', 'outbound', 'mobile', true, 0, 0, 0.80, 0.60, 0.40),
    ('9180', 'India, Bengaluru', 'outbound', 'local', true, 0, 0, 0.50, 0.40, 0.25),
    ('911800', 'India toll-free', 'outbound', 'toll_free', false, 0, 0, 0, 0, 0),
    ('911900', 'India premium rate', 'outbound', 'premium', false, 5, 15, 45, 40, 35),
    ('112', 'Emergency', 'outbound', 'emergency', false, 0, 0, 0, 0, 0),
    ('1', 'United States and Canada', 'outbound', 'international', false, 0, 0, 1.80, 1.50, 1.20),
    ('1800', 'United States toll-free', 'outbound', 'toll_free', false, 0, 0, 0, 0, 0),
    ('33', 'France', 'outbound', 'international', false, 0, 0, 5.50, 5, 4.50),
    ('44', 'United Kingdom landline', 'outbound', 'international', false, 0.40, 0, 2.20, 1.90, 1.60),
    ('447', 'United Kingdom mobile', 'outbound', 'international_mobile', false, 0.40, 0, 6.50, 6, 5.50),
    ('44800', 'United Kingdom freephone', 'outbound', 'toll_free', false, 0, 0, 0, 0, 0),
    ('44909', 'United Kingdom premium rate', 'outbound', 'premium', false, 10, 25, 120, 110, 100),
    ('49', 'Germany', 'outbound', 'international', false, 0, 0, 4.50, 4, 3.50),
    ('61', 'Australia', 'outbound', 'international', false, 0, 0, 3.20, 2.90, 2.60),
    ('65', 'Singapore', 'outbound', 'international', false, 0, 0, 2.80, 2.50, 2.20),
    ('971', 'United Arab Emirates', 'outbound', 'international', false, 0, 0, 12.50, 12, 11.50),
    ('', 'Incoming', 'inbound', 'inbound', false, 0, 0, 0, 0, 0)
) AS deck (prefix, name, direction, call_type, allowance, connect_fee, minimum, starter, professional, call_center);

INSERT INTO billing.rates (rate_plan_id, prefix, name, direction, call_type, allowance, connect_fee, minimum)
SELECT p.id, d.prefix, d.name, d.direction::billing.call_direction, d.call_type, d.allowance, d.connect_fee, d.minimum
FROM billing.rate_plans p CROSS JOIN seeded_deck d
WHERE p.id IN ('00000000-0000-7000-8000-000000000201', '00000000-0000-7000-8000-000000000202',
               '00000000-0000-7000-8000-000000000203')
ON CONFLICT DO NOTHING;

-- Increments: Starter 60/60 at home and 60/6 abroad, Professional 30/6, Call Center by the second after
-- the first six. Premium numbers count whole minutes in every plan; what is free counts seconds.
INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s)
SELECT r.id, step.from_s,
       CASE p.code WHEN 'starter' THEN d.starter WHEN 'professional' THEN d.professional ELSE d.call_center END,
       60, step.increment_s
FROM billing.rates r
JOIN billing.rate_plans p ON p.id = r.rate_plan_id
JOIN seeded_deck d ON d.prefix = r.prefix AND d.direction = r.direction::text
CROSS JOIN LATERAL (
    SELECT CASE WHEN d.starter = 0 THEN 1 WHEN r.call_type = 'premium' OR p.code = 'starter' THEN 60 WHEN p.code = 'professional' THEN 30 ELSE 6 END,
           CASE WHEN d.starter = 0 THEN 1 WHEN r.call_type = 'premium' OR p.code = 'starter' AND r.allowance THEN 60 WHEN p.code = 'call-center' THEN 1 ELSE 6 END
) AS increments (first_s, next_s)
CROSS JOIN LATERAL (
    VALUES (0, first_s), (60, next_s)
) AS step (from_s, increment_s)
WHERE p.id IN ('00000000-0000-7000-8000-000000000201', '00000000-0000-7000-8000-000000000202',
               '00000000-0000-7000-8000-000000000203')
  AND NOT (step.from_s = 60 AND first_s = next_s)
ON CONFLICT DO NOTHING;

-- Long calls to the United Kingdom get cheaper: a third step, from the eleventh minute on.
INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s)
SELECT r.id, 600, round(s.price * 0.75, 9), s.unit_s, s.increment_s
FROM billing.rates r JOIN billing.rate_steps s ON s.rate_id = r.id AND s.from_s = 60
WHERE r.prefix = '44' AND r.direction = 'outbound'
  AND r.rate_plan_id IN ('00000000-0000-7000-8000-000000000201', '00000000-0000-7000-8000-000000000202',
                         '00000000-0000-7000-8000-000000000203')
ON CONFLICT DO NOTHING;
