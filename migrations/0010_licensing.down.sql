SELECT ingest.forget_partitioned_table('licensing.license_audit_events');

DROP VIEW licensing.license_audit_trail;
DROP TABLE licensing.license_audit_events;
DROP TABLE licensing.license_assignments;
DROP FUNCTION licensing.update_license_seats();
DROP FUNCTION licensing.note_license_change();
DROP FUNCTION licensing.stamp_assignment();
DROP TABLE licensing.licenses;
DROP FUNCTION licensing.search_query(text);
DROP FUNCTION licensing.search_text(text);
DROP TYPE licensing.assignment_status;
DROP TYPE licensing.license_term;
DROP TYPE licensing.license_status;
DROP SCHEMA licensing;
