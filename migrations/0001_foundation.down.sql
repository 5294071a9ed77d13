DROP FUNCTION public.notify_catalog_change();
DROP FUNCTION public.update_updated_at_column();
DROP FUNCTION public.uuid_v7();

DO $$
BEGIN
    EXECUTE format('ALTER DATABASE %I RESET search_path', current_database());
END
$$;

DROP SCHEMA ingest;
DROP SCHEMA analytics;
DROP SCHEMA billing;
DROP SCHEMA identity;
