-- The price list of a SaaS product, in dollars. For a plan that is sold by the year, monthly_price
-- is the price of one month of it.
INSERT INTO billing.rate_plans (id, code, name, description, monthly_price, annual_price, currency, time_zone,
                                rounding, decimals, features, tier, billing_interval, display_order)
VALUES
    ('00000000-0000-7000-8000-000000000211', 'free', 'Free', 'To try it', 0, NULL, 'USD', 'UTC', 'half_up', 6,
     '{"api_access": true, "support": ["community"]}', 'free', 'monthly', 11),
    ('00000000-0000-7000-8000-000000000212', 'pro-monthly', 'Pro', 'For teams, by the month', 29.99, NULL, 'USD', 'UTC', 'half_up', 6,
     '{"api_access": true, "teams": true, "analytics": true, "support": ["email"]}', 'pro', 'monthly', 12),
    ('00000000-0000-7000-8000-000000000213', 'pro-yearly', 'Pro (yearly)', 'For teams, a fifth cheaper by the year', 24, 288, 'USD', 'UTC', 'half_up', 6,
     '{"api_access": true, "teams": true, "analytics": true, "support": ["email"]}', 'pro', 'yearly', 13),
    ('00000000-0000-7000-8000-000000000214', 'enterprise-yearly', 'Enterprise', 'For companies', 83.25, 999, 'USD', 'UTC', 'half_up', 6,
     '{"api_access": true, "teams": true, "analytics": true, "audit_log": true, "sso": true, "dedicated_manager": true,
       "support": ["email", "chat", "24x7"]}', 'enterprise', 'yearly', 14)
ON CONFLICT DO NOTHING;
