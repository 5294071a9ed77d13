-- The schemas of the bounded contexts, and the functions that every later migration uses.

CREATE SCHEMA identity;
CREATE SCHEMA billing;
CREATE SCHEMA analytics;
CREATE SCHEMA ingest;

COMMENT ON SCHEMA identity IS 'People and organizations';
COMMENT ON SCHEMA billing IS 'Customers, accounts, plans, tariffs, subscriptions, calls and money';
COMMENT ON SCHEMA analytics IS 'Usage events and their aggregates';
COMMENT ON SCHEMA ingest IS 'The daemon''s own: sources, positions, batches, suspense, imports, partitions';

-- Table names are unique across the schemas, so queries need no schema name.
DO $$
BEGIN
    EXECUTE format(
        'ALTER DATABASE %I SET search_path = billing, identity, analytics, licensing, affiliates, vouchers, engagement, ingest, public',
        current_database());
END
$$;

-- RFC 9562 section 5.7: 48 bits of Unix milliseconds, version and variant, 74 random bits.
CREATE FUNCTION public.uuid_v7() RETURNS uuid
LANGUAGE sql VOLATILE PARALLEL SAFE
SET search_path = pg_catalog
AS $$
    SELECT encode(
        set_byte(
            set_byte(
                overlay(uuid_send(gen_random_uuid())
                        PLACING substring(int8send((extract(epoch FROM clock_timestamp()) * 1000)::bigint) FROM 3)
                        FROM 1 FOR 6),
                6, (get_byte(uuid_send(gen_random_uuid()), 6) & 15) | 112),
            8, (get_byte(uuid_send(gen_random_uuid()), 8) & 63) | 128),
        'hex')::uuid
$$;
COMMENT ON FUNCTION public.uuid_v7() IS 'A time-ordered UUID (RFC 9562, version 7) of this moment';

CREATE FUNCTION public.update_updated_at_column() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    NEW.updated_at := now();
    RETURN NEW;
END
$$;
COMMENT ON FUNCTION public.update_updated_at_column() IS 'Row trigger: keeps updated_at of tables that people change';

-- The daemon listens on this channel and then loads the catalog again. A statement-level trigger
-- sends one notification per statement; PostgreSQL sends equal ones of a transaction once.
CREATE FUNCTION public.notify_catalog_change() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
BEGIN
    PERFORM pg_notify('tally_catalog', TG_TABLE_NAME);
    RETURN NULL;
END
$$;
COMMENT ON FUNCTION public.notify_catalog_change() IS 'Statement trigger: tells running daemons that guiding or rating data changed';
