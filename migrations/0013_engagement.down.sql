DROP TRIGGER "Explain_rooms" ON identity.users;

DROP FUNCTION engagement.backfill_manifest_versions();
DROP TABLE engagement.winners;
DROP TABLE engagement.prizes;
DROP TABLE engagement.participants;
DROP TABLE engagement.rooms;
DROP TABLE engagement.apps;
DROP FUNCTION engagement.explain_restrict();
DROP TYPE engagement.participant_role;
DROP TYPE engagement.room_status;
DROP SCHEMA engagement;
