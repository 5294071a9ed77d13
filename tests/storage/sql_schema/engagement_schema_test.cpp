#include "tests/storage/sql_schema/context_fixture.hpp"

#include <gmock/gmock.h>

// Events: which rows are deleted with their parent, which prevent that, and versions of manifests.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class engagement_schema : public context_test {
  protected:
    /// App "quiz"; room 1 of organizer user 1, with participants user 2 and 3, a car and a mug; the
    /// car was won by user 2. Room 2 of user 1 is empty.
    void SetUp() override {
        make_users(5);
        session_.execute(R"sql(
            INSERT INTO apps (app_id, name) VALUES ('quiz', 'Quiz'), ('spare', 'Spare');
            INSERT INTO rooms (id, app_id, created_by, name)
            SELECT id, 'quiz', '00000000-0000-0000-0000-000000000001', 'Room'
            FROM unnest('{d0000000-0000-0000-0000-000000000001,
                          d0000000-0000-0000-0000-000000000002}'::uuid[]) AS id;
            INSERT INTO participants (room_id, user_id)
            SELECT 'd0000000-0000-0000-0000-000000000001', id FROM users
            WHERE username IN ('user-2', 'user-3');
            INSERT INTO prizes (room_id, name) VALUES
                ('d0000000-0000-0000-0000-000000000001', 'Car'),
                ('d0000000-0000-0000-0000-000000000001', 'Mug');
            INSERT INTO winners (room_id, prize_id, participant_id)
            SELECT p.room_id, z.id, p.id FROM participants p JOIN users u ON u.id = user_id
            JOIN prizes z USING (room_id) WHERE username = 'user-2' AND z.name = 'Car')sql");
    }

    /// Rows in rooms, participants, prizes and winners.
    std::string counts() {
        return rows("SELECT (SELECT count(*) FROM rooms), (SELECT count(*) FROM participants), "
                    "(SELECT count(*) FROM prizes), (SELECT count(*) FROM winners)")
            .front();
    }
};

TEST_F(engagement_schema, removes_what_is_meaningless_without_its_parent) {
    ASSERT_EQ(counts(), "2|2|2|1");
    session_.execute("INSERT INTO sessions (user_id, refresh_token, expires_at) SELECT id, "
                     "username, now() + interval '1 day' FROM users");
    session_.execute("DELETE FROM users WHERE username = 'user-3'");
    EXPECT_EQ(counts(), "2|1|2|1");
    EXPECT_EQ(value("SELECT count(*) FROM sessions"), "4");
    session_.execute("DELETE FROM participants");
    EXPECT_EQ(counts(), "2|0|2|0");
    session_.execute("DELETE FROM prizes WHERE name = 'Car'"); // it no longer has a winner
    EXPECT_EQ(counts(), "2|0|1|0");
}

TEST_F(engagement_schema, removes_a_room_with_its_prizes_though_they_were_won) {
    session_.execute("DELETE FROM rooms WHERE id = " + quoted(id('d', 1)));
    EXPECT_EQ(counts(), "1|0|0|0");
}

TEST_F(engagement_schema, removes_a_winner_who_is_deleted_as_a_user) {
    session_.execute("DELETE FROM users WHERE username = 'user-2'");
    EXPECT_EQ(counts(), "2|1|2|0");
}

TEST_F(engagement_schema, refuses_hard_deletes_that_would_lose_history_and_says_why) {
    for (auto const& [sql, sqlstate, says] : {
             refused_statement{"DELETE FROM prizes WHERE name = 'Car'", "23503",
                               "prize 'Car' cannot be deleted: it has 1 winner(s)"},
             {"DELETE FROM prizes", "23503", "prize 'Car' cannot be deleted"},
             {"DELETE FROM apps WHERE app_id = 'quiz'", "23503",
              "app 'quiz' cannot be deleted: 2 room(s) run it"},
             {"DELETE FROM users WHERE username = 'user-1'", "23503",
              "user 'user-1@example.com' cannot be deleted: 2 room(s)"},
         }) {
        EXPECT_EQ(refused(sql), sqlstate) << sql;
        EXPECT_THAT(text_, HasSubstr(says)) << sql;
        EXPECT_THAT(text_, HasSubstr("set deleted_at")) << sql;
    }
    EXPECT_EQ(counts(), "2|2|2|1");
    session_.execute("DELETE FROM apps WHERE app_id = 'spare'; DELETE FROM prizes WHERE name = "
                     "'Mug'; DELETE FROM users WHERE username = 'user-5'");
}

TEST_F(engagement_schema, refuses_them_also_without_the_words) {
    session_.execute("ALTER TABLE prizes DISABLE TRIGGER USER; ALTER TABLE apps DISABLE TRIGGER "
                     "USER; ALTER TABLE users DISABLE TRIGGER USER");
    for (auto const& [sql, sqlstate, says] : {
             refused_statement{"DELETE FROM prizes WHERE name = 'Car'", "23503",
                               "winners_prize_id_fkey"},
             {"DELETE FROM apps WHERE app_id = 'quiz'", "23503", "rooms_app_id_fkey"},
             {"DELETE FROM users WHERE username = 'user-1'", "23503", "rooms_created_by_fkey"},
         }) {
        EXPECT_EQ(refused(sql), sqlstate) << sql;
        EXPECT_THAT(text_, HasSubstr(says)) << sql;
    }
}

TEST_F(engagement_schema, takes_soft_deletes_of_everything) {
    for (char const* table : {"winners", "prizes", "participants", "rooms", "apps", "users"}) {
        session_.execute(std::string{"UPDATE "} + table + " SET deleted_at = now()");
        EXPECT_EQ(value(std::string{"SELECT count(*) FROM "} + table + " WHERE deleted_at IS NULL"),
                  "0")
            << table;
    }
    EXPECT_EQ(counts(), "2|2|2|1");
    EXPECT_EQ(refused("DELETE FROM prizes WHERE name = 'Car'"), "23503")
        << "a winner that was taken back is history as well";
}

TEST_F(engagement_schema, takes_a_user_into_a_room_once_and_again_after_leaving) {
    std::string const join = "INSERT INTO participants (room_id, user_id) VALUES (" +
                             quoted(id('d', 1)) + "," + quoted(user(2)) + ")";
    EXPECT_EQ(refused(join), "23505");
    EXPECT_THAT(text_, HasSubstr("participants_user_id_room_id_key"));
    session_.execute("UPDATE participants SET deleted_at = now()");
    session_.execute(join);
    EXPECT_EQ(refused(join), "23505");
    EXPECT_EQ(refused("INSERT INTO apps (app_id, name) VALUES ('quiz', 'Again')"), "23505");
}

TEST_F(engagement_schema, keeps_prize_participant_and_winner_in_one_room) {
    session_.query("INSERT INTO participants (room_id, user_id) VALUES ($1, $2)",
                   {id('d', 2), user(4)});
    std::string const other =
        "(SELECT id FROM participants WHERE user_id = " + quoted(user(4)) + ")";
    for (auto const& sql :
         {"UPDATE winners SET participant_id = " + other,
          "UPDATE winners SET room_id = " + quoted(id('d', 2)),
          "UPDATE winners SET room_id = " + quoted(id('d', 2)) + ", participant_id = " + other}) {
        EXPECT_EQ(refused(sql), "23503") << sql;
    }
}

TEST_F(engagement_schema, refuses_what_no_event_can_be) {
    for (auto const& [sql, sqlstate, says] : {
             refused_statement{"UPDATE rooms SET status = 'DRAFT'", "22P02", "room_status"},
             {"UPDATE participants SET role = 'guest'", "22P02", "participant_role"},
             {"UPDATE rooms SET starts_at = now(), ends_at = now() - interval '1 s'", "23514",
              "rooms_times"},
             {"UPDATE rooms SET max_participants = 0", "23514", "max_participants"},
             {"UPDATE rooms SET app_id = 'unknown'", "23503", "rooms_app_id_fkey"},
             {"UPDATE rooms SET app_settings = '[]'", "23514", "app_settings"},
             {"UPDATE rooms SET app_manifest_version = ''", "23514", "app_manifest_version"},
             {"UPDATE apps SET manifest = '3'", "23514", "manifest"},
             {"UPDATE apps SET manifest_history = '{}'", "23514", "manifest_history"},
             {"UPDATE prizes SET quantity = 0", "23514", "quantity"},
         }) {
        EXPECT_EQ(refused(sql), sqlstate) << sql;
        EXPECT_THAT(text_, HasSubstr(says)) << sql;
    }
    for (char const* status : {"draft", "active", "completed", "cancelled"}) {
        session_.query("UPDATE rooms SET status = $1::engagement.room_status", {status});
    }
    for (char const* role : {"admin", "organizer", "moderator", "participant", "viewer"}) {
        session_.query("UPDATE participants SET role = $1::engagement.participant_role", {role});
    }
}

TEST_F(engagement_schema, begins_at_version_one_and_backfills_from_manifests) {
    EXPECT_THAT(rows("SELECT DISTINCT manifest_version, manifest_history, app_manifest_version "
                     "FROM apps JOIN rooms USING (app_id)"),
                ElementsAre("1.0.0|[]|1.0.0"));
    session_.execute(R"sql(
        UPDATE apps SET manifest = '{"meta": {"version": "2.3.1"}}' WHERE app_id = 'quiz';
        INSERT INTO apps (app_id, name, manifest, manifest_version, manifest_history) VALUES
            ('empty', 'Empty', '{"meta": {"version": ""}}', '0.9.0', '[]'),
            ('odd', 'Odd', '{"meta": "2.0.0"}', '0.9.0', '[]'),
            ('grown', 'Grown', '{"meta": {"version": "9.0.0"}}', '8.0.0', '[{"version": "7.0.0"}]');
        INSERT INTO rooms (app_id, app_manifest_version, created_by, name)
        SELECT 'grown', '7.0.0', id, 'Old' FROM users WHERE username = 'user-1')sql");
    std::string const backfill =
        "SELECT * FROM engagement.backfill_manifest_versions() ORDER BY app_id";
    for (int time = 0; time < 2; ++time) {
        EXPECT_THAT(rows(backfill),
                    ElementsAre("empty|1.0.0|0", "odd|1.0.0|0", "quiz|2.3.1|2", "spare|1.0.0|0"));
    }
    EXPECT_THAT(rows("SELECT app_id, manifest_version, app_manifest_version FROM apps LEFT JOIN "
                     "rooms USING (app_id) GROUP BY 1, 2, 3 ORDER BY 1"),
                ElementsAre("empty|1.0.0|NULL", "grown|8.0.0|7.0.0", "odd|1.0.0|NULL",
                            "quiz|2.3.1|2.3.1", "spare|1.0.0|NULL"));
}

TEST_F(engagement_schema, serves_lists_and_versions_by_indexes) {
    for (auto const& [table, index] : {std::pair{"rooms", "(status, is_public, app_id)"},
                                       {"rooms", "(app_id, app_manifest_version)"},
                                       {"rooms", "(app_manifest_version)"},
                                       {"apps", "(manifest_version)"},
                                       {"participants", "(room_id, role)"},
                                       {"winners", "(room_id, prize_id)"}}) {
        EXPECT_EQ(value("SELECT count(*) FROM pg_indexes WHERE tablename = $1 AND indexdef LIKE "
                        "'%' || $2",
                        {table, index}),
                  "1")
            << table << index;
    }
}

} // namespace
} // namespace tally::storage
