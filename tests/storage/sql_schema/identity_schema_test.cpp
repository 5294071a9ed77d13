#include "tests/storage/sql_schema/context_fixture.hpp"

#include <gmock/gmock.h>

// Organizations, users, their permissions, logins and the audit log.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr char const* check_violation = "23514";
constexpr char const* unique_violation = "23505";
constexpr char const* foreign_key_violation = "23503";
constexpr char const* not_null_violation = "23502";

class identity_schema_test : public context_test {
  protected:
    identity_schema_test() { make_users(3); }

    static std::string user_row(std::string const& email, std::string const& username) {
        return "INSERT INTO users (email, username) VALUES ('" + email + "', '" + username + "')";
    }
    std::string found(std::string const& words) {
        return value("SELECT string_agg(username, ' ' ORDER BY username) FROM users WHERE "
                     "search_vector @@ plainto_tsquery('simple', $1)",
                     {words});
    }
};

TEST_F(identity_schema_test, an_organization_has_one_slug_and_is_active) {
    session_.execute("INSERT INTO organizations (name, slug, address, phone, email, tax_id, "
                     "logo_url) VALUES ('A', 'a-b-1', 'x', '1', 'a@b.c', 't', 'https://l')");
    EXPECT_EQ(value("SELECT is_active FROM organizations"), "t");
    EXPECT_EQ(refused("INSERT INTO organizations (name, slug) VALUES ('B', 'a-b-1')"),
              unique_violation);
    for (char const* slug : {"", "A", "a b", "-a", "a-", "a--b", "ä"}) {
        EXPECT_EQ(refused("INSERT INTO organizations (name, slug) VALUES ('B', '" +
                          std::string{slug} + "')"),
                  check_violation)
            << slug;
    }
    EXPECT_EQ(refused("INSERT INTO organizations (name, slug, email) VALUES ('B', 'b', 'x')"),
              check_violation);
}

TEST_F(identity_schema_test, a_deleted_user_leaves_email_username_and_provider_to_others) {
    session_.execute("UPDATE users SET provider = 'google', provider_id = '7' WHERE username = "
                     "'user-1'");
    EXPECT_EQ(refused(user_row("USER-1@example.com", "other")), unique_violation);
    EXPECT_EQ(refused(user_row("other@example.com", "User-1")), unique_violation);
    std::string const as_google = "UPDATE users SET provider = 'google', provider_id = '7' WHERE "
                                  "username = 'user-2'";
    EXPECT_EQ(refused(as_google), unique_violation);
    session_.execute("UPDATE users SET deleted_at = now() WHERE username = 'user-1'");
    EXPECT_EQ(refused(user_row("USER-1@example.com", "User-1")), "");
    EXPECT_EQ(refused(as_google), "");
}

TEST_F(identity_schema_test, refuses_users_that_make_no_sense) {
    EXPECT_EQ(refused(user_row("nobody", "x")), check_violation);
    EXPECT_EQ(refused(user_row("a@b.c", "")), check_violation);
    EXPECT_EQ(refused("UPDATE users SET provider = 'google'"), check_violation);
    EXPECT_EQ(refused("UPDATE users SET provider_id = '1'"), check_violation);
    EXPECT_EQ(refused("UPDATE users SET two_factor_enabled = true"), check_violation);
    EXPECT_EQ(refused("UPDATE users SET failed_login_attempts = -1"), check_violation);
    EXPECT_EQ(refused("UPDATE users SET role = 'root'"), "22P02");
}

TEST_F(identity_schema_test, derives_whether_a_user_is_active) {
    session_.execute("UPDATE users SET status = 'suspended' WHERE username = 'user-1';"
                     "UPDATE users SET deleted_at = now() WHERE username = 'user-2'");
    EXPECT_THAT(rows("SELECT username, is_active FROM users ORDER BY 1"),
                ElementsAre("user-1|f", "user-2|f", "user-3|t"));
}

TEST_F(identity_schema_test, finds_users_by_name_and_by_parts_of_their_email) {
    session_.execute("UPDATE users SET first_name = 'Jane', last_name = 'O''Hara', email = "
                     "'jane.ohara@clinic.example.org' WHERE username = 'user-2'");
    EXPECT_EQ(found("jane"), "user-2");
    EXPECT_EQ(found("JANE hara"), "user-2");
    EXPECT_EQ(found("clinic"), "user-2");
    EXPECT_EQ(found("ohara"), "user-2");
    EXPECT_EQ(found("jane.ohara@clinic.example.org"), "user-2");
    EXPECT_EQ(found("example"), "user-1 user-2 user-3");
    EXPECT_EQ(found("nobody"), "NULL");
    EXPECT_THAT(plan_of("SELECT * FROM users WHERE search_vector @@ to_tsquery('simple', 'jane')"),
                HasSubstr("users_search_idx"));
}

TEST_F(identity_schema_test, grants_a_permission_once_in_each_scope) {
    session_.execute("INSERT INTO organizations (name, slug) VALUES ('A', 'a')");
    std::string const grant = "INSERT INTO permissions (user_id, permission, organization_id, "
                              "granted_by) SELECT '" +
                              user(1) + "', 'manage_users', ";
    std::string const everywhere = grant + "NULL, '" + user(2) + "'";
    std::string const in_one = grant + "id, '" + user(2) + "' FROM organizations";
    EXPECT_EQ(refused(everywhere), "");
    EXPECT_EQ(refused(in_one), "");
    EXPECT_EQ(refused(everywhere), unique_violation);
    EXPECT_EQ(refused(in_one), unique_violation);
    EXPECT_EQ(refused("UPDATE permissions SET permission = 'Manage Users'"), check_violation);

    session_.execute("DELETE FROM users WHERE id = '" + user(2) + "'");
    EXPECT_EQ(value("SELECT count(*) FROM permissions WHERE granted_by IS NULL"), "2");
    session_.execute("DELETE FROM organizations");
    EXPECT_EQ(value("SELECT count(*) FROM permissions"), "1");
    session_.execute("DELETE FROM users WHERE id = '" + user(1) + "'");
    EXPECT_EQ(value("SELECT count(*) FROM permissions"), "0");
}

TEST_F(identity_schema_test, has_teams_with_an_owner_and_each_member_once) {
    session_.execute("INSERT INTO teams (owner_id, name, slug) VALUES ('" + user(1) +
                     "', 'Team', 'team');"
                     "INSERT INTO team_members (team_id, user_id, role, invited_by) SELECT id, '" +
                     user(2) + "', 'admin', '" + user(3) + "' FROM teams");
    EXPECT_EQ(refused("INSERT INTO team_members (team_id, user_id) SELECT id, '" + user(2) +
                      "' FROM teams"),
              unique_violation);
    EXPECT_EQ(refused("INSERT INTO teams (name, slug) VALUES ('Nobody''s', 'x')"),
              not_null_violation);
    EXPECT_EQ(refused("DELETE FROM users WHERE id = '" + user(1) + "'"), foreign_key_violation);
    session_.execute("DELETE FROM users WHERE id = '" + user(3) + "'");
    EXPECT_THAT(rows("SELECT user_id, invited_by FROM team_members"),
                ElementsAre(user(2) + "|NULL"));
    std::string const again =
        "INSERT INTO teams (owner_id, name, slug) VALUES ('" + user(1) + "', 'Again', 'team')";
    EXPECT_EQ(refused(again), unique_violation);
    session_.execute("UPDATE teams SET deleted_at = now()");
    EXPECT_EQ(refused(again), "");
    session_.execute("DELETE FROM teams");
    EXPECT_THAT(rows("SELECT * FROM team_members"), IsEmpty());
}

TEST_F(identity_schema_test, logins_go_with_their_user_but_a_refused_token_stays_refused) {
    std::string const values = " VALUES ('" + user(1) + "', 'secret', now() + interval '1 day')";
    std::string const session =
        "INSERT INTO sessions (user_id, refresh_token, expires_at)" + values;
    std::string const token = "INSERT INTO refresh_tokens (user_id, token, expires_at)" + values;
    std::string const refusal =
        "INSERT INTO token_blacklist (user_id, token_hash, expires_at)" + values;
    for (std::string const& statement : {session, token, refusal}) {
        EXPECT_EQ(refused(statement), "");
        EXPECT_EQ(refused(statement), unique_violation);
    }
    EXPECT_EQ(value("SELECT last_used_at IS NOT NULL FROM sessions"), "t");
    EXPECT_EQ(refused("UPDATE refresh_tokens SET replaced_by_id = id, revoked_at = now()"),
              check_violation);
    EXPECT_EQ(refused("UPDATE refresh_tokens SET revoked_reason = 'stolen'"), check_violation);
    EXPECT_EQ(refused("UPDATE refresh_tokens SET revoked_reason = 'stolen', revoked_at = now()"),
              "");
    session_.execute("DELETE FROM users WHERE id = '" + user(1) + "'");
    EXPECT_THAT(rows("SELECT (SELECT count(*) FROM sessions), (SELECT count(*) FROM "
                     "refresh_tokens), (SELECT count(*) FROM token_blacklist)"),
                ElementsAre("0|0|1"));
}

TEST_F(identity_schema_test, remembers_what_was_done_by_whom_even_when_they_are_gone) {
    session_.execute("INSERT INTO organizations (name, slug) VALUES ('A', 'a');"
                     "INSERT INTO audit_logs (user_id, organization_id, action, entity_type, "
                     "entity_id, old_values, new_values, ip_address) SELECT '" +
                     user(1) +
                     "', id, 'UPDATE', 'user', id, '{\"a\": 1}', '{\"a\": 2}', '10.0.0.1' FROM "
                     "organizations;"
                     "INSERT INTO audit_logs (action) VALUES ('migration')");
    EXPECT_THAT(rows("SELECT tableoid::regclass::text ~ '^audit_logs_p[0-9]{6}$', severity, "
                     "id IS NOT NULL FROM audit_logs"),
                ElementsAre("t|info|t", "t|info|t"));
    EXPECT_EQ(refused("INSERT INTO audit_logs (action, user_id) VALUES ('x', '" + user(9) + "')"),
              foreign_key_violation);
    EXPECT_EQ(refused("INSERT INTO audit_logs (action) VALUES ('')"), check_violation);
    session_.execute("DELETE FROM users WHERE id = '" + user(1) + "'; DELETE FROM organizations");
    EXPECT_THAT(rows("SELECT action, user_id, organization_id, new_values FROM audit_logs ORDER BY "
                     "1"),
                ElementsAre("UPDATE|NULL|NULL|{\"a\": 2}", "migration|NULL|NULL|NULL"));
}

TEST_F(identity_schema_test, says_when_a_row_was_changed) {
    session_.execute("INSERT INTO organizations (name, slug, updated_at) VALUES ('A', 'a', "
                     "'2020-01-01Z');"
                     "INSERT INTO teams (owner_id, name, slug, updated_at) VALUES ('" +
                     user(1) +
                     "', 'T', 't', '2020-01-01Z');"
                     "INSERT INTO team_members (team_id, user_id, updated_at) SELECT id, owner_id, "
                     "'2020-01-01Z' FROM teams;"
                     "INSERT INTO sessions (user_id, refresh_token, expires_at, updated_at) VALUES "
                     "('" +
                     user(1) +
                     "', 'x', now(), '2020-01-01Z');"
                     "INSERT INTO refresh_tokens (user_id, token, expires_at, updated_at) VALUES "
                     "('" +
                     user(1) + "', 'x', now(), '2020-01-01Z')");
    for (char const* table :
         {"organizations", "teams", "team_members", "sessions", "refresh_tokens"}) {
        session_.execute(std::string{"UPDATE "} + table + " SET created_at = created_at");
        EXPECT_EQ(value(std::string{"SELECT updated_at > '2021-01-01' FROM "} + table), "t")
            << table;
    }
}

} // namespace
} // namespace tally::storage
