-- Three customers for trying things out. Their subscriptions began 90 days ago, at local midnight.
INSERT INTO identity.users (id, email, username, password_hash, role, status, first_name, last_name, phone,
                            is_email_verified, email_verified_at, password_changed_at, organization_id)
SELECT id::uuid, email, username, current_setting('tallyd.hash_demo'), 'customer', 'active', first_name, last_name, phone,
       true, now(), now(), (SELECT id FROM identity.organizations WHERE slug = 'default-org')
FROM (VALUES
    ('00000000-0000-7000-8000-000000000301', 'john.doe@example.com', 'john.doe', 'John', 'Doe', '+919845000001'),
    ('00000000-0000-7000-8000-000000000302', 'jane.smith@example.com', 'jane.smith', 'Jane', 'Smith', '+919845000002'),
    ('00000000-0000-7000-8000-000000000303', 'admin@acmecorp.com', 'acme.admin', 'Robert', 'Johnson', '+919845000003')
) AS demo_user (id, email, username, first_name, last_name, phone)
ON CONFLICT DO NOTHING;

INSERT INTO billing.customers (id, user_id, customer_type, company_name, gstin, pan, kyc_status, kyc_verified_at,
                               contact_email, contact_phone, address_line1, city, state, postal_code)
VALUES
    ('00000000-0000-7000-8000-000000000311', '00000000-0000-7000-8000-000000000301', 'individual', NULL, NULL, NULL,
     'verified', now(), 'john.doe@example.com', '+919845000001', '12 MG Road', 'Bengaluru', 'Karnataka', '560001'),
    ('00000000-0000-7000-8000-000000000312', '00000000-0000-7000-8000-000000000302', 'small_business', 'Smith Consulting',
     '29AAAPS1234C1Z5', 'AAAPS1234C', 'verified', now(), 'jane.smith@example.com', '+919845000002', '45 Residency Road',
     'Bengaluru', 'Karnataka', '560025'),
    ('00000000-0000-7000-8000-000000000313', '00000000-0000-7000-8000-000000000303', 'enterprise', 'Acme Corporation',
     '27AAACA1234D1Z3', 'AAACA1234D', 'verified', now(), 'admin@acmecorp.com', '+919845000003', '1 Nariman Point',
     'Mumbai', 'Maharashtra', '400021')
ON CONFLICT DO NOTHING;

INSERT INTO billing.accounts (id, customer_id, account_number, account_name, account_type, balance, credit_limit,
                              low_balance_threshold, auto_recharge_enabled, auto_recharge_threshold,
                              auto_recharge_amount, max_concurrent_calls)
VALUES
    ('00000000-0000-7000-8000-000000000321', '00000000-0000-7000-8000-000000000311', 'ACC-10001', 'John Doe',
     'prepaid', 500, 0, 50, false, NULL, NULL, 2),
    ('00000000-0000-7000-8000-000000000322', '00000000-0000-7000-8000-000000000312', 'ACC-10002', 'Smith Consulting',
     'prepaid', 2000, 0, 200, true, 500, 1000, 5),
    ('00000000-0000-7000-8000-000000000323', '00000000-0000-7000-8000-000000000313', 'ACC-10003', 'Acme Corporation',
     'postpaid', 0, 50000, NULL, false, NULL, NULL, 25)
ON CONFLICT DO NOTHING;

WITH wanted (id, subscription_number, customer_id, account_id, plan_code, every) AS (
    VALUES
        ('00000000-0000-7000-8000-000000000331', 'SUB-10001', '00000000-0000-7000-8000-000000000311',
         '00000000-0000-7000-8000-000000000321', 'starter', 'monthly'),
        ('00000000-0000-7000-8000-000000000332', 'SUB-10002', '00000000-0000-7000-8000-000000000312',
         '00000000-0000-7000-8000-000000000322', 'professional', 'yearly'),
        ('00000000-0000-7000-8000-000000000333', 'SUB-10003', '00000000-0000-7000-8000-000000000313',
         '00000000-0000-7000-8000-000000000323', 'call-center', 'monthly')
), began AS (
    SELECT w.*, p.id AS plan_id, p.time_zone, p.currency,
           CASE w.every WHEN 'yearly' THEN p.annual_price ELSE p.monthly_price END AS price,
           CASE w.every WHEN 'yearly' THEN 12 ELSE 1 END AS months,
           date_trunc('day', now() AT TIME ZONE p.time_zone) - interval '90 days' AS local_start
    FROM wanted w JOIN billing.rate_plans p ON p.code = w.plan_code
), period AS (
    -- The last billing period that has begun.
    SELECT b.*, max(n) AS number
    FROM began b CROSS JOIN generate_series(0, 11) AS n
    WHERE b.local_start + n * b.months * interval '1 month' <= now() AT TIME ZONE b.time_zone
    GROUP BY b.id, b.subscription_number, b.customer_id, b.account_id, b.plan_code, b.every, b.plan_id, b.time_zone,
             b.currency, b.price, b.months, b.local_start
)
INSERT INTO billing.subscriptions (id, subscription_number, customer_id, account_id, rate_plan_id, status, billing_interval,
                                   started_at, current_period_start, current_period_end, next_billing_date, price, currency)
SELECT id::uuid, subscription_number, customer_id::uuid, account_id::uuid, plan_id, 'active', every::billing.billing_interval,
       local_start AT TIME ZONE time_zone,
       (local_start + number * months * interval '1 month') AT TIME ZONE time_zone,
       (local_start + (number + 1) * months * interval '1 month') AT TIME ZONE time_zone,
       (local_start + (number + 1) * months * interval '1 month')::date, price, currency
FROM period
ORDER BY subscription_number
ON CONFLICT DO NOTHING;

INSERT INTO billing.dids (id, subscription_id, did_number, status, country, area_code, city, did_type, provider,
                          monthly_cost, assigned_at)
SELECT ('00000000-0000-7000-8000-0000000004' || lpad(row_number() OVER (ORDER BY number)::text, 2, '0'))::uuid,
       subscription_id::uuid, '+' || number, 'active', 'IN', area, city, 'local', 'demo', 99,
       now() - interval '90 days'
FROM (
    SELECT '00000000-0000-7000-8000-000000000331' AS subscription_id, '918065550101' AS number, '80' AS area, 'Bengaluru' AS city
    UNION ALL
    SELECT '00000000-0000-7000-8000-000000000332', (918065550200 + n)::text, '80', 'Bengaluru' FROM generate_series(1, 3) AS n
    UNION ALL
    SELECT '00000000-0000-7000-8000-000000000333', (912265550300 + n)::text, '22', 'Mumbai' FROM generate_series(1, 10) AS n
) AS demo_did
ON CONFLICT DO NOTHING;
