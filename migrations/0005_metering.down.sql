DROP TABLE analytics.usage_aggregates_daily;
DROP TABLE billing.subscription_usage;
DROP TABLE billing.cdrs;
DROP TYPE billing.processing_status;
