-- Partitions are dropped with their table; those that retention has detached are dropped by name.
DO $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT partition_name FROM ingest.partitions WHERE table_name = 'billing.cdrs' AND state = 'detached' LOOP
        EXECUTE format('DROP TABLE IF EXISTS billing.%I', name);
    END LOOP;
    DELETE FROM ingest.partitions WHERE table_name = 'billing.cdrs';
END
$$;

DROP TABLE analytics.usage_aggregates_daily;
DROP TABLE billing.subscription_usage;
DROP TABLE billing.cdrs;
DROP TYPE billing.processing_status;
