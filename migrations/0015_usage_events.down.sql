DROP FUNCTION analytics.rebuild_api_usage_daily(date, date);
DROP TABLE analytics.error_groups;
ALTER TABLE analytics.error_logs DROP COLUMN fingerprint;
DROP TABLE analytics.api_usage_daily;
DROP TABLE billing.metric_unique_values;
DROP TABLE ingest.event_identities;
