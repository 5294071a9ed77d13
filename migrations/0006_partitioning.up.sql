-- Which tables are partitioned, how their partitions are created, and when maintenance last ran.

CREATE TYPE ingest.partition_span AS ENUM ('day', 'month');
CREATE TYPE ingest.retention_action AS ENUM ('detach', 'drop');

CREATE TABLE ingest.partitioned_tables (
    table_name text PRIMARY KEY CHECK (table_name ~ '^[a-z_][a-z0-9_]*\.[a-z_][a-z0-9_]*$'),
    time_column text NOT NULL,
    span ingest.partition_span NOT NULL,
    sealed_indexes text[] NOT NULL DEFAULT '{}',
    sealed_foreign_keys text[] NOT NULL DEFAULT '{}',
    foreign_keys_for interval CHECK (foreign_keys_for >= interval '0'),
    retention interval CHECK (retention > interval '0'),
    retention_action ingest.retention_action NOT NULL DEFAULT 'detach',
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now()
);
COMMENT ON TABLE ingest.partitioned_tables IS
    'Tables partitioned by time. The migration that makes one says here how; tallyd makes, seals and retires its partitions by it';
COMMENT ON COLUMN ingest.partitioned_tables.table_name IS 'With its schema, as in billing.cdrs';
COMMENT ON COLUMN ingest.partitioned_tables.span IS 'What one partition holds, in UTC';
COMMENT ON COLUMN ingest.partitioned_tables.sealed_indexes IS
    'Column lists, an index each. Built on a partition when it is sealed, so that records arrive at the speed of one index';
COMMENT ON COLUMN ingest.partitioned_tables.sealed_foreign_keys IS
    'Table constraints (FOREIGN KEY ...), added to a partition and validated when it is sealed';
COMMENT ON COLUMN ingest.partitioned_tables.foreign_keys_for IS
    'How long after its end a partition keeps its sealed_foreign_keys; null: for ever. Each one makes every update of the table it '
    'refers to 80 ns slower, which is too much for a balance when years of days have one';
COMMENT ON COLUMN ingest.partitioned_tables.retention IS 'A partition that ended longer ago is retired; null: kept for ever';
COMMENT ON COLUMN ingest.partitioned_tables.retention_action IS 'detach leaves it as a table of its own, drop deletes it';
CREATE TRIGGER partitioned_tables_updated_at BEFORE UPDATE ON ingest.partitioned_tables
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();

-- Does not use to_regclass(partition): its answer is cached, and a session that waited for an
-- advisory lock would not see the partition that another session has created meanwhile.
CREATE FUNCTION ingest.is_attached(p_table text, p_partition text) RETURNS boolean
LANGUAGE sql STABLE
SET search_path = pg_catalog
AS $$
    SELECT EXISTS (SELECT FROM pg_class AS c JOIN pg_inherits AS i ON i.inhrelid = c.oid
                   WHERE c.relname = p_partition::name AND c.relnamespace = to_regnamespace(split_part(p_table, '.', 1))
                     AND i.inhparent = to_regclass(p_table) AND NOT i.inhdetachpending)
$$;
COMMENT ON FUNCTION ingest.is_attached(text, text) IS 'Whether a partition takes rows of its table';

-- The table is created by itself and then attached, which takes SHARE UPDATE EXCLUSIVE on the
-- parent, so that no running COPY waits. Its CHECK has the bounds, so that attaching scans nothing.
-- One session at a time (the lock's number is "TALLYPAR"); a session that finds the partition takes
-- no lock.
CREATE FUNCTION ingest.create_partition(p_table text, p_moment timestamptz) RETURNS text
LANGUAGE plpgsql
SET search_path = pg_catalog
SET timezone = 'UTC'
SET datestyle = 'ISO, YMD'
AS $$
DECLARE
    parent ingest.partitioned_tables;
    parent_schema text;
    parent_name text;
    name text;
    lower timestamptz;
    upper timestamptz;
    is_second_look boolean := false;
BEGIN
    SELECT * INTO parent FROM ingest.partitioned_tables AS t WHERE t.table_name = p_table;
    IF NOT FOUND THEN
        RAISE EXCEPTION '% is not in ingest.partitioned_tables', p_table USING ERRCODE = 'undefined_table';
    END IF;
    IF NOT isfinite(p_moment) OR p_moment IS NULL THEN
        RAISE EXCEPTION 'no partition holds %', p_moment USING ERRCODE = 'datetime_field_overflow';
    END IF;
    parent_schema := split_part(p_table, '.', 1);
    parent_name := split_part(p_table, '.', 2);
    lower := date_trunc(parent.span::text, p_moment);
    upper := lower + CASE parent.span WHEN 'day' THEN interval '1 day' ELSE interval '1 month' END;
    name := parent_name || '_p' || to_char(lower, CASE parent.span WHEN 'day' THEN 'YYYYMMDD' ELSE 'YYYYMM' END);
    LOOP
        IF ingest.is_attached(p_table, name) THEN
            RETURN name;
        END IF;
        EXIT WHEN is_second_look;
        PERFORM pg_advisory_xact_lock(x'54414C4C59504152'::bigint);
        is_second_look := true; -- another session may have created it during the wait
    END LOOP;
    IF EXISTS (SELECT FROM ingest.partitions AS p
               WHERE p.table_name = p_table AND p.partition_name = name AND p.state IN ('detached', 'dropped')) THEN
        RAISE EXCEPTION 'partition % of % has been retired', name, p_table
            USING ERRCODE = 'TL002', HINT = 'retention detached or dropped it; its time takes no records any more';
    END IF;
    EXECUTE format('CREATE TABLE IF NOT EXISTS %1$I.%2$I (LIKE %1$I.%3$I INCLUDING DEFAULTS INCLUDING GENERATED'
                   ' INCLUDING CONSTRAINTS INCLUDING STORAGE INCLUDING COMPRESSION,'
                   ' CONSTRAINT %4$I CHECK (%5$I >= %6$L::timestamptz AND %5$I < %7$L::timestamptz))',
                   parent_schema, name, parent_name, name || '_bounds', parent.time_column, lower, upper);
    EXECUTE format('ALTER TABLE %I.%I ATTACH PARTITION %I.%I FOR VALUES FROM (%L) TO (%L)',
                   parent_schema, parent_name, parent_schema, name, lower, upper);
    INSERT INTO ingest.partitions AS p (table_name, partition_name, lower_bound, upper_bound)
    VALUES (p_table, name, lower, upper)
    ON CONFLICT (table_name, partition_name) DO UPDATE SET state = 'open', sealed_at = NULL;
    RETURN name;
END
$$;
COMMENT ON FUNCTION ingest.create_partition(text, timestamptz) IS
    'Makes the partition of a table (billing.cdrs) that holds a moment, unless it is there, and returns its name. Raises TL002 when '
    'retention has retired it';

CREATE FUNCTION ingest.forget_partitioned_table(p_table text) RETURNS void
LANGUAGE plpgsql
SET search_path = pg_catalog
AS $$
DECLARE
    name text;
BEGIN
    FOR name IN SELECT p.partition_name FROM ingest.partitions AS p WHERE p.table_name = p_table AND p.state = 'detached' LOOP
        EXECUTE format('DROP TABLE IF EXISTS %I.%I', split_part(p_table, '.', 1), name);
    END LOOP;
    DELETE FROM ingest.partitions AS p WHERE p.table_name = p_table;
    DELETE FROM ingest.partitioned_tables AS t WHERE t.table_name = p_table;
END
$$;
COMMENT ON FUNCTION ingest.forget_partitioned_table(text) IS
    'For down migrations, before they drop the table: drops its detached partitions, which would not go with it, and forgets it';

INSERT INTO ingest.partitioned_tables (table_name, time_column, span, sealed_indexes, sealed_foreign_keys, foreign_keys_for)
VALUES ('billing.cdrs', 'start_time', 'day',
        '{"uuid","subscription_id","account_id","caller_id","destination","start_time","processing_status","call_type"}',
        '{"FOREIGN KEY (account_id) REFERENCES billing.accounts (id) ON DELETE RESTRICT","FOREIGN KEY (subscription_id) REFERENCES billing.subscriptions (id) ON DELETE RESTRICT"}',
        '35 days');

CREATE TABLE ingest.maintenance_runs (
    job text PRIMARY KEY,
    due_at timestamptz NOT NULL,
    began_at timestamptz NOT NULL,
    finished_at timestamptz NOT NULL,
    rows_changed bigint NOT NULL CHECK (rows_changed >= 0),
    created_at timestamptz NOT NULL DEFAULT now(),
    updated_at timestamptz NOT NULL DEFAULT now(),
    CONSTRAINT maintenance_runs_times CHECK (finished_at >= began_at)
);
COMMENT ON TABLE ingest.maintenance_runs IS
    'The last scheduled run of each maintenance job that succeeded: of several daemons one does it, and one that was missed is caught '
    'up';
COMMENT ON COLUMN ingest.maintenance_runs.due_at IS
    'The appointed time that the run answered; a later one that has passed is still to be done';
CREATE TRIGGER maintenance_runs_updated_at BEFORE UPDATE ON ingest.maintenance_runs
    FOR EACH ROW EXECUTE FUNCTION public.update_updated_at_column();
