-- The daemon's own tables.
INSERT INTO sources (name) VALUES ('local');
INSERT INTO sources (name) VALUES ('a b');
UPDATE sources SET token_sha256 = '\x00';
UPDATE sources SET body_bytes_max = 0;
INSERT INTO positions (stream, position, created_at, updated_at) VALUES ('s', -1, now(), now());
INSERT INTO payer_decisions (stream, first_record, end_record, payers) VALUES ('s', -1, 0, '');
INSERT INTO payer_decisions (stream, first_record, end_record, payers) VALUES ('s', 1, 0, '');
INSERT INTO suspense (reason, source_id, format, payload, payload_sha256, received_at, state) SELECT 'x', id, 'x', '', sha256(''), now(), 'resolved' FROM sources;
INSERT INTO suspense (reason, source_id, format, payload, payload_sha256, received_at, auto_attempts) SELECT 'x', id, 'x', '', sha256(''), now(), -1 FROM sources;
INSERT INTO suspense (reason, source_id, format, payload, payload_sha256, received_at, resolved_by) SELECT 'x', id, 'x', '', sha256(''), now(), '' FROM sources;
INSERT INTO suspense (reason, source_id, format, payload, payload_sha256, received_at, resolution) SELECT 'x', id, 'x', '', sha256(''), now(), '' FROM sources;
UPDATE partitions SET upper_bound = lower_bound;
UPDATE partitioned_tables SET retention = interval '-1 day';
INSERT INTO partitioned_tables (table_name, time_column, span) VALUES ('x; DROP TABLE y', 't', 'day');
SELECT create_partition('billing.cdrs', 'infinity');
