-- Calls, events and their counters.
INSERT INTO subscription_usage (subscription_id, account_id, billing_period_start, billing_period_end, seconds_used, currency, created_at, updated_at) SELECT id, account_id, now(), now() + interval '1 day', -1, 'INR', now(), now() FROM subscriptions;
INSERT INTO subscription_usage (subscription_id, account_id, billing_period_start, billing_period_end, seconds_used, included_seconds_used, currency, created_at, updated_at) SELECT id, account_id, now(), now() + interval '1 day', 1, 2, 'INR', now(), now() FROM subscriptions;
INSERT INTO subscription_usage (subscription_id, account_id, billing_period_start, billing_period_end, currency, created_at, updated_at) SELECT id, account_id, now(), now(), 'INR', now(), now() FROM subscriptions;
INSERT INTO subscription_usage (subscription_id, account_id, billing_period_start, billing_period_end, currency, created_at, updated_at) SELECT uuid_v7(), account_id, now(), now() + interval '1 day', 'INR', now(), now() FROM subscriptions;
INSERT INTO usage_aggregates_monthly SELECT account_id, id, 2026, 13, 'calls', 1, 1, 1, 1, 'INR', now(), now() FROM subscriptions;
INSERT INTO usage_aggregates_monthly SELECT account_id, id, 2026, 0, 'calls', 1, 1, 1, 1, 'INR', now(), now() FROM subscriptions;
INSERT INTO usage_aggregates_monthly SELECT account_id, id, 26, 12, 'calls', 1, 1, 1, 1, 'INR', now(), now() FROM subscriptions;
INSERT INTO feature_usage (account_id, user_id, feature, uses_count, first_used_at, last_used_at) SELECT account_id, uuid_v7(), 'x', -1, now(), now() FROM subscriptions;
INSERT INTO feature_usage (account_id, user_id, feature, uses_count, first_used_at, last_used_at) SELECT account_id, uuid_v7(), 'x', 1, now(), now() - interval '1 day' FROM subscriptions;
INSERT INTO api_usage (occurred_at, source, event_id, method, endpoint, status_code) VALUES (now(), 's', 'e', 'GET', '/', 99);
INSERT INTO api_usage (occurred_at, source, event_id, method, endpoint, status_code, duration_ms) VALUES (now(), 's', 'e', 'GET', '/', 200, -1);
INSERT INTO error_logs (occurred_at, source, event_id, error_type, message, severity) VALUES (now(), 's', 'e', 't', 'm', 'loud');
INSERT INTO usage_events (account_id, occurred_at, source, event_id, type, metric, source_id, batch_id, received_at) VALUES (uuid_v7(), now(), 's', 'e', 'usage', 'sms', uuid_v7(), uuid_v7(), now());
INSERT INTO cdrs SELECT account_id, id, uuid_v7(), uuid_v7(), uuid_v7(), '1', '2', 'outbound', NULL, now(), NULL, now() - interval '1 second', 0, 0, NULL, 0, 0, NULL, NULL, NULL, 0, 0, 'INR', NULL, 'rated', NULL, now() FROM subscriptions;
INSERT INTO cdrs SELECT account_id, id, uuid_v7(), uuid_v7(), uuid_v7(), '1', '2', 'outbound', NULL, '1970-01-01Z', NULL, '1970-01-01Z', 0, 0, NULL, 0, 0, NULL, NULL, NULL, 0, 0, 'INR', NULL, 'rated', NULL, now() FROM subscriptions;
