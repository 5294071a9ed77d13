DROP TABLE ingest.maintenance_runs;
DROP FUNCTION ingest.forget_partitioned_table(text);
DROP FUNCTION ingest.create_partition(text, timestamptz);
DROP FUNCTION ingest.is_attached(text, text);
DROP TABLE ingest.partitioned_tables;
DROP TYPE ingest.retention_action;
DROP TYPE ingest.partition_span;
