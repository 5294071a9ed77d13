DROP TABLE identity.users;
DROP TABLE identity.organizations;
DROP TYPE identity.user_status;
DROP TYPE identity.user_role;
