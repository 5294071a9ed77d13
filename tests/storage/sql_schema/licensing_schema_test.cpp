#include "tests/storage/sql_schema/context_fixture.hpp"

#include <gmock/gmock.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <barrier>
#include <memory>
#include <random>
#include <thread>

// Licenses: seats that are counted right after any change, search, and the audit trail.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr char license_kind = 'a';

class licensing_schema : public context_test {
  protected:
    static std::string license(int index) { return id(license_kind, index); }

    void make_license(int index, int seats) {
        session_.query("INSERT INTO licenses (id, key, product, plan, seats_total) VALUES ($1, "
                       "$2, 'ABC Salon Pro', 'Premium', $3)",
                       {license(index), "KEY-" + std::to_string(index), std::to_string(seats)});
    }
    void assign(int license_index, int user_index) {
        session_.query("INSERT INTO license_assignments (license_id, user_id) VALUES ($1, $2)",
                       {license(license_index), user(user_index)});
    }
    std::string seats(int index) {
        return value("SELECT seats_used FROM licenses WHERE id = $1", {license(index)});
    }

    /// Licenses whose count differs from the number of their assignments.
    std::string miscounted() {
        return value("SELECT count(*) FROM licenses l WHERE seats_used <> (SELECT count(*) FROM "
                     "license_assignments WHERE license_id = l.id AND status = 'assigned')");
    }
};

TEST_F(licensing_schema, counts_seats_through_every_change_of_assignments) {
    make_users(6);
    make_license(1, 5);
    make_license(2, 5);
    assign(1, 1);
    EXPECT_EQ(seats(1), "1");
    session_.execute("INSERT INTO license_assignments (license_id, user_id, status) SELECT " +
                     quoted(license(1)) +
                     ", id, CASE WHEN email < 'user-4' THEN 'assigned'::licensing.assignment_status"
                     " ELSE 'unassigned' END FROM users WHERE email > 'user-2'");
    EXPECT_EQ(seats(1), "3"); // 1, 2, 3
    session_.execute("UPDATE license_assignments SET status = 'revoked' WHERE user_id = " +
                     quoted(user(2)));
    EXPECT_EQ(seats(1), "2");
    session_.execute("UPDATE license_assignments SET status = 'revoked'");
    EXPECT_EQ(seats(1), "0");
    session_.execute("UPDATE license_assignments SET status = 'assigned' WHERE user_id <= " +
                     quoted(user(5)));
    EXPECT_EQ(seats(1), "5");
    session_.execute("UPDATE license_assignments SET license_id = " + quoted(license(2)) +
                     " WHERE user_id >= " + quoted(user(4)));
    EXPECT_EQ(seats(1) + seats(2), "32"); // 4 and 5 moved, 6 has no seat
    session_.execute("DELETE FROM license_assignments WHERE user_id IN (" + quoted(user(1)) + "," +
                     quoted(user(4)) + "," + quoted(user(6)) + ")");
    EXPECT_EQ(seats(1) + seats(2), "21");
    EXPECT_EQ(miscounted(), "0");
    session_.execute("TRUNCATE license_assignments");
    EXPECT_EQ(seats(1) + seats(2), "00");
}

TEST_F(licensing_schema, leaves_seats_alone_when_an_assignment_changes_otherwise) {
    make_users(3);
    make_license(1, 2);
    assign(1, 1);
    session_.execute("UPDATE licenses SET updated_at = DEFAULT");
    std::string const before = value("SELECT xmin FROM licenses");
    session_.execute("UPDATE license_assignments SET assigned_by = " + quoted(user(2)));
    session_.execute("UPDATE license_assignments SET user_id = " + quoted(user(3)));
    session_.execute("DELETE FROM users WHERE id = " + quoted(user(2)));
    EXPECT_EQ(value("SELECT xmin FROM licenses"), before);
    EXPECT_EQ(seats(1), "1");
}

TEST_F(licensing_schema, gives_seats_back_when_users_or_licenses_are_deleted) {
    make_users(4);
    for (int index : {1, 2, 3}) {
        make_license(index, 4);
        assign(index, 1);
        assign(index, 2);
    }
    session_.execute("DELETE FROM users WHERE id IN (" + quoted(user(2)) + "," + quoted(user(4)) +
                     ")");
    EXPECT_EQ(seats(1) + seats(2) + seats(3), "111");
    session_.execute("DELETE FROM licenses WHERE id = " + quoted(license(2)));
    EXPECT_EQ(value("SELECT count(*) FROM license_assignments"), "2");
    EXPECT_EQ(seats(1) + seats(3), "11");
}

TEST_F(licensing_schema, refuses_one_seat_too_many_in_words_and_undoes_the_statement) {
    make_users(5);
    make_license(1, 2);
    make_license(2, 2);
    assign(1, 1);
    EXPECT_EQ(refused("INSERT INTO license_assignments (license_id, user_id) SELECT l.id, u.id "
                      "FROM licenses l, users u WHERE u.id > " +
                      quoted(user(2))),
              "23514");
    EXPECT_THAT(text_, HasSubstr("license KEY-1 has 2 seats, 4 would be taken"));
    EXPECT_EQ(seats(1) + seats(2), "10");
    assign(1, 2);
    EXPECT_EQ(refused("UPDATE licenses SET seats_total = 1 WHERE key = 'KEY-1'"), "23514");
    EXPECT_THAT(text_, HasSubstr("licenses_seats"));
    session_.execute("INSERT INTO license_assignments (license_id, user_id, status) VALUES (" +
                     quoted(license(1)) + "," + quoted(user(3)) + ", 'unassigned')");
    EXPECT_EQ(refused("UPDATE license_assignments SET status = 'assigned'"), "23514");
    EXPECT_EQ(seats(1), "2");
}

TEST_F(licensing_schema, says_how_much_of_a_license_is_used) {
    make_users(2);
    make_license(1, 3);
    EXPECT_EQ(value("SELECT utilization_percent FROM licenses"), "0.00");
    assign(1, 1);
    EXPECT_EQ(value("SELECT utilization_percent FROM licenses"), "33.33");
    session_.execute("UPDATE licenses SET seats_total = 1");
    EXPECT_EQ(value("SELECT utilization_percent FROM licenses"), "100.00");
    EXPECT_NE(refused("UPDATE licenses SET utilization_percent = 5"), "");
    session_.execute("DELETE FROM license_assignments; UPDATE licenses SET seats_total = 0");
    EXPECT_EQ(value("SELECT utilization_percent FROM licenses"), "0");
}

TEST_F(licensing_schema, takes_a_user_once_and_says_when_a_seat_was_taken_away) {
    make_users(2);
    make_license(1, 2);
    assign(1, 1);
    EXPECT_EQ(refused("INSERT INTO license_assignments (license_id, user_id) SELECT license_id, "
                      "user_id FROM license_assignments"),
              "23505");
    session_.execute("UPDATE license_assignments SET assigned_at = '2026-01-01Z'; UPDATE "
                     "license_assignments SET status = 'revoked', revoked_by = " +
                     quoted(user(2)));
    EXPECT_EQ(value("SELECT revoked_at = updated_at FROM license_assignments"), "t");
    session_.execute("UPDATE license_assignments SET status = 'assigned'");
    EXPECT_EQ(value("SELECT revoked_at IS NULL AND revoked_by IS NULL AND assigned_at = updated_at "
                    "FROM license_assignments"),
              "t");
}

TEST_F(licensing_schema, refuses_what_no_license_can_be) {
    make_users(1);
    make_license(1, 1);
    assign(1, 1);
    for (auto const& [sql, sqlstate, says] : {
             refused_statement{"UPDATE licenses SET seats_used = 2", "23514", "licenses_seats"},
             {"UPDATE licenses SET seats_used = 2000000000, seats_total = 1", "23514", "seats"},
             {"UPDATE licenses SET seats_used = -1", "23514", "seats_used"},
             {"UPDATE licenses SET seats_total = -1, seats_used = -1", "23514", "seats"},
             {"UPDATE licenses SET expires_at = starts_at", "23514", "licenses_period"},
             {"UPDATE licenses SET key = ''", "23514", "key"},
             {"UPDATE licenses SET currency = 'usd'", "23514", "currency"},
             {"UPDATE licenses SET last_payment = -0.01", "23514", "last_payment"},
             {"UPDATE licenses SET agents_cost = -1", "23514", "agents_cost"},
             {"UPDATE licenses SET sms_balance = -1", "23514", "sms_balance"},
             {"UPDATE licenses SET agents_name = '{}'", "23514", "agents_name"},
             {"UPDATE licenses SET status = 'broken'", "22P02", "license_status"},
             {"UPDATE licenses SET term = 'weekly'", "22P02", "license_term"},
             {"INSERT INTO licenses (key, product, plan) VALUES ('KEY-1', 'p', 'p')", "23505",
              "licenses_key_key"},
             {"UPDATE license_assignments SET revoked_at = now()", "23514",
              "license_assignments_revoked"},
             {"UPDATE license_assignments SET status = 'revoked', revoked_at = '2000-01-01Z'",
              "23514", "license_assignments_times"},
             {"INSERT INTO license_audit_events (type, entity_id, entity_type) VALUES ('a.b', "
              "public.uuid_v7(), 'seat')",
              "23514", "entity_type"},
             {"INSERT INTO license_audit_events (type, entity_id, entity_type, actor_id) VALUES "
              "('a.b', public.uuid_v7(), 'license', public.uuid_v7())",
              "23503", "actor_id"},
         }) {
        EXPECT_EQ(refused(sql), sqlstate) << sql << "\n" << text_;
        EXPECT_THAT(text_, HasSubstr(says)) << sql;
    }
}

TEST_F(licensing_schema, is_searched_by_key_trade_name_product_and_plan) {
    session_.execute("INSERT INTO licenses (key, dba, product, plan) VALUES "
                     "('LIC-2026-00AB-7', 'Bella''s Hair & Nails', 'ABC Salon Pro', 'Premium'), "
                     "('LIC-2025-77CD-9', 'Corner_Barber', 'ABC Business Suite', 'Basic'), "
                     "('plain', NULL, 'ABC Enterprise', 'Enterprise')");
    auto const found = [this](std::string const& words) {
        return rows("SELECT key FROM licenses WHERE search_vector @@ licensing.search_query('" +
                    words + "') ORDER BY 1");
    };
    for (char const* words : {"LIC-2026-00AB-7", "lic-2026", "00ab", "2026", "BELLA", "bella''s",
                              "hair nails", "salon", "premium", "pro 2026 bella"}) {
        EXPECT_THAT(found(words), ElementsAre("LIC-2026-00AB-7")) << words;
    }
    EXPECT_THAT(found("corner"), ElementsAre("LIC-2025-77CD-9"));
    EXPECT_THAT(found("corner_barber basic"), ElementsAre("LIC-2025-77CD-9"));
    EXPECT_THAT(found("enterprise"), ElementsAre("plain"));
    EXPECT_THAT(found("abc"), testing::SizeIs(3));
    EXPECT_THAT(found("salon basic"), ElementsAre());
    EXPECT_THAT(rows("SELECT key FROM licenses WHERE search_vector @@ "
                     "websearch_to_tsquery('simple', 'LIC-2026-00AB-7')"),
                ElementsAre("LIC-2026-00AB-7"));
    session_.execute("UPDATE licenses SET dba = 'Somebody else' WHERE plan = 'Premium'");
    EXPECT_THAT(found("bella"), ElementsAre());
    EXPECT_THAT(
        plan_of("SELECT key FROM licenses WHERE search_vector @@ licensing.search_query('salon')"),
        HasSubstr("Bitmap Index Scan on licenses_search_idx"));
}

TEST_F(licensing_schema, shows_who_did_what_to_which_license) {
    make_users(3);
    make_license(1, 2);
    assign(1, 2);
    session_.execute("INSERT INTO license_audit_events (type, actor_id, entity_id, entity_type, "
                     "created_at) SELECT 'license.created', " +
                     quoted(user(1)) + ", id, 'license', now() FROM licenses");
    session_.execute("INSERT INTO license_audit_events (type, actor_id, entity_id, entity_type, "
                     "metadata, ip_address, user_agent, created_at) SELECT 'assignment.created', " +
                     quoted(user(3)) +
                     ", id, 'assignment', '{\"reason\": \"new colleague\"}', '192.0.2.1', "
                     "'Mozilla/5.0', now() + interval '1 month' FROM license_assignments");
    std::string const trail =
        "SELECT type, actor_name, actor_email, license_key, assigned_user_email FROM "
        "license_audit_trail ORDER BY created_at";
    EXPECT_THAT(rows(trail),
                ElementsAre("license.created|First Last1|user-1@example.com|KEY-1|NULL",
                            "assignment.created|First Last3|user-3@example.com|KEY-1|"
                            "user-2@example.com"));
    for (char const* words : {"created colleague", "mozilla", "assignment", "5.0"}) {
        std::string const query = "SELECT type FROM license_audit_events WHERE search_vector @@ "
                                  "licensing.search_query('" +
                                  std::string{words} + "')";
        EXPECT_THAT(rows(query), ElementsAre("assignment.created")) << words;
        EXPECT_THAT(plan_of(query), HasSubstr("_search_vector_idx")) << words;
    }
    session_.execute("DELETE FROM users; DELETE FROM licenses");
    EXPECT_THAT(rows(trail), ElementsAre("license.created|NULL|NULL|NULL|NULL",
                                         "assignment.created|NULL|NULL|NULL|NULL"));
}

/// One of many sessions that change assignments of the same few licenses. Each session has its own
/// assignments and all share the licenses, so statements wait for each other only when counting.
class seat_changer {
  public:
    seat_changer(std::string const& database, int number, std::vector<std::string> licenses,
                 std::vector<std::string> users)
        : session_{database, "test"}, random_{static_cast<unsigned>(number)},
          licenses_{std::move(licenses)}, users_{std::move(users)} {}

    /// One change, of one assignment or of one per license, in random order.
    void change() {
        std::shuffle(licenses_.begin(), licenses_.end(), random_);
        std::string const author = users_[random_() % users_.size()];
        std::string const list = "'{" + joined(random_() % 2 == 0 ? 1 : licenses_.size()) + "}'";
        std::string const chosen = "user_id = '" + author + "' AND license_id = ANY (" + list + ")";
        switch (random_() % 5) {
        case 0:
        case 1:
            return attempt("INSERT INTO license_assignments (license_id, user_id) SELECT l, '" +
                           author + "' FROM unnest(" + list +
                           "::uuid[]) AS l ON CONFLICT (license_id, user_id) DO UPDATE SET "
                           "status = 'assigned'");
        case 2:
            return attempt("UPDATE license_assignments SET status = 'revoked' WHERE " + chosen);
        case 3:
            return attempt("UPDATE license_assignments SET license_id = '" + licenses_.back() +
                           "' WHERE id = (SELECT id FROM license_assignments WHERE " + chosen +
                           " LIMIT 1) AND NOT EXISTS (SELECT FROM license_assignments WHERE "
                           "user_id = '" +
                           author + "' AND license_id = '" + licenses_.back() + "')");
        default:
            return attempt("DELETE FROM license_assignments WHERE " + chosen);
        }
    }

    int refused = 0; ///< because there was no seat

  private:
    void attempt(std::string const& sql) {
        try {
            session_.execute(sql);
        } catch (database_error const& error) {
            EXPECT_EQ(error.sqlstate(), "23514") << error.what();
            ++refused;
        }
    }
    [[nodiscard]] std::string joined(std::size_t count) const {
        std::string text;
        for (std::size_t i = 0; i < count; ++i) {
            text += (i == 0 ? "" : ",") + licenses_[i];
        }
        return text;
    }

    sql_session session_;
    std::mt19937 random_;
    std::vector<std::string> licenses_;
    std::vector<std::string> users_;
};

TEST_F(licensing_schema, counts_seats_right_under_many_sessions_without_a_deadlock) {
    constexpr int changers = 8;
    constexpr int changes = 50;
    constexpr int users_each = 3;
    make_users(changers * users_each);
    std::vector<std::string> licenses;
    for (int index = 1; index <= 4; ++index) {
        make_license(index, 8);
        licenses.push_back(license(index));
    }
    std::atomic<int> refusals = 0;
    {
        std::vector<std::jthread> threads;
        for (int number = 0; number < changers; ++number) {
            threads.emplace_back([&, number] {
                std::vector<std::string> users;
                for (int each = 1; each <= users_each; ++each) {
                    users.push_back(user(number * users_each + each));
                }
                seat_changer changer{database_, number, licenses, users};
                for (int each = 0; each < changes; ++each) {
                    changer.change();
                }
                refusals += changer.refused;
            });
        }
    }
    EXPECT_EQ(miscounted(), "0");
    EXPECT_EQ(value("SELECT count(*) FROM licenses WHERE seats_used > seats_total"), "0");
    EXPECT_EQ(value("SELECT count(*) > 0 FROM license_assignments"), "t");
    EXPECT_GT(refusals, 0) << "no seat was ever contested";
}

TEST_F(licensing_schema, gives_the_last_seat_to_one_of_many_sessions) {
    constexpr int rivals = 8;
    constexpr int rounds = 10;
    make_users(rivals);
    for (int index = 1; index <= rounds; ++index) {
        make_license(index, 1);
    }
    std::array<std::atomic<int>, rounds> winners{};
    std::vector<std::unique_ptr<sql_session>> sessions; // opened before any thread waits
    for (int rival = 0; rival < rivals; ++rival) {
        sessions.push_back(std::make_unique<sql_session>(database_, "test"));
    }
    std::barrier<> start{rivals};
    {
        std::vector<std::jthread> threads;
        for (int rival = 1; rival <= rivals; ++rival) {
            threads.emplace_back([&, rival] {
                sql_session& session = *sessions.at(static_cast<std::size_t>(rival - 1));
                for (int round = 0; round < rounds; ++round) {
                    start.arrive_and_wait();
                    try {
                        session.query("INSERT INTO license_assignments (license_id, user_id) "
                                      "VALUES ($1, $2)",
                                      {license(round + 1), user(rival)});
                        ++winners.at(static_cast<std::size_t>(round));
                    } catch (database_error const& error) {
                        EXPECT_EQ(error.sqlstate(), "23514") << error.what();
                    }
                }
            });
        }
    }
    for (auto const& each : winners) {
        EXPECT_EQ(each, 1);
    }
    EXPECT_EQ(value("SELECT min(seats_used) || '-' || max(seats_used) FROM licenses"), "1-1");
    EXPECT_EQ(miscounted(), "0");
}

} // namespace
} // namespace tally::storage
