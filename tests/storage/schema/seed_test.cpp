#include "storage/postgres/sql_session.hpp"
#include "storage/schema/password_hash.hpp"
#include "storage/schema/seeds.hpp"
#include "storage/schema/snapshot.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace tally::storage {
namespace {

using testing::ElementsAreArray;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::private_postgres;

seed_options demo() {
    seed_options options;
    options.demo = true;
    return options;
}

/// In the order in which they are applied.
std::vector<std::string> const reference{"05_default_organization", "10_system_users",
                                         "20_destinations",         "30_telecom_plans",
                                         "40_saas_tiers",           "50_voucher_types"};
std::vector<std::string> const samples{"80_demo_customers", "82_demo_licenses", "84_demo_events",
                                       "86_demo_affiliates", "88_demo_vouchers"};

class seed_test : public testing::Test {
  protected:
    std::string database_ = private_postgres::shared().migrated_database();

    std::string value(std::string const& sql) {
        return sql_session{database_, "test"}.query_value(sql).value_or("NULL");
    }

    /// Rows of a query as "a|b, c|d".
    std::string rows(std::string const& sql) {
        std::string text;
        for (sql_row const& row : sql_session{database_, "test"}.query(sql)) {
            text += text.empty() ? "" : ", ";
            for (std::size_t i = 0; i < row.size(); ++i) {
                text += (i > 0 ? "|" : "") + row[i].value_or("NULL");
            }
        }
        return text;
    }

    /// Every row of every table except the daemon's own and the runner's.
    std::string content() {
        sql_session session{database_, "test"};
        std::string text;
        for (sql_row const& table :
             session.query("SELECT oid::regclass FROM pg_class WHERE relkind IN ('r', 'p') AND NOT "
                           "relispartition AND relnamespace::regnamespace::text !~ "
                           "'^(pg_|information_schema$|public$|ingest$)' ORDER BY 1")) {
            text += rows("SELECT t::text FROM " + table[0].value() + " t ORDER BY 1") + "\n";
        }
        return text;
    }
};

TEST_F(seed_test, gives_the_demo_customers_what_was_asked_for) {
    apply_seeds(database_, demo());
    EXPECT_EQ(rows("SELECT a.account_number, p.name, s.billing_interval, a.credit_limit, "
                   "a.auto_recharge_enabled, "
                   "(SELECT count(*) FROM dids d WHERE d.subscription_id = s.id) FROM accounts a "
                   "JOIN subscriptions s ON "
                   "s.account_id = a.id JOIN rate_plans p ON p.id = s.rate_plan_id ORDER BY 1"),
              "ACC-10001|Starter|monthly|0.000000|f|1, ACC-10002|Professional|yearly|0.000000|t|3, "
              "ACC-10003|Call Center|monthly|50000.000000|f|10");
    EXPECT_EQ(value("SELECT count(*) FROM subscriptions WHERE (started_at AT TIME ZONE "
                    "'Asia/Kolkata')::time = '00:00' AND "
                    "(now() AT TIME ZONE 'Asia/Kolkata')::date - (started_at AT TIME ZONE "
                    "'Asia/Kolkata')::date = 90 AND "
                    "current_period_start <= now() AND current_period_end > now()"),
              "3");
    EXPECT_EQ(rows("SELECT code, annual_price, included_minutes, included_dids, "
                   "max_concurrent_calls FROM rate_plans "
                   "WHERE currency = 'INR' ORDER BY display_order"),
              "starter|4008.000000|500|1|2, professional|11508.000000|2000|3|5, "
              "call-center|49990.000000|10000|10|25");
}

TEST_F(seed_test, gives_every_plan_a_deck_that_can_be_rated_against) {
    apply_seeds(database_, {});
    EXPECT_EQ(rows("SELECT p.code, count(*) FROM rates r JOIN rate_plans p ON p.id = "
                   "r.rate_plan_id GROUP BY 1 ORDER BY 1"),
              "call-center|21, professional|21, starter|21");
    EXPECT_EQ(value("SELECT count(*) FROM rates r WHERE NOT EXISTS (SELECT FROM rate_steps s WHERE "
                    "s.rate_id = r.id AND "
                    "s.from_s = 0)"),
              "0");
    EXPECT_EQ(rows("SELECT from_s, price, unit_s, increment_s FROM rate_steps s JOIN rates r ON "
                   "r.id = s.rate_id JOIN "
                   "rate_plans p ON p.id = r.rate_plan_id WHERE p.code = 'professional' AND prefix "
                   "= '44' ORDER BY 1"),
              "0|1.900000000|60|30, 60|1.900000000|60|6, 600|1.425000000|60|6");
    EXPECT_EQ(rows("SELECT DISTINCT prefix, allowance FROM rates WHERE prefix IN ('919', '447', "
                   "'') ORDER BY 1"),
              "|f, 447|f, 919|t");
}

TEST_F(seed_test, changes_nothing_the_second_time) {
    apply_seeds(database_, demo());
    std::string const first = content();
    seed_report const again = apply_seeds(database_, demo());
    EXPECT_THAT(again.applied, IsEmpty());
    EXPECT_THAT(again.passwords, IsEmpty());
    EXPECT_EQ(again.present.size(), reference.size() + samples.size());
    EXPECT_EQ(content(), first);
}

TEST_F(seed_test, changes_nothing_when_its_record_was_lost) {
    apply_seeds(database_, demo());
    std::string const first = content();
    sql_session{database_, "test"}.execute("DELETE FROM public.tallyd_seeds");
    apply_seeds(database_, demo());
    EXPECT_EQ(content(), first);
}

TEST_F(seed_test, runs_once_when_four_run_at_once) {
    std::atomic<int> applied = 0;
    std::vector<std::jthread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            try {
                applied += static_cast<int>(apply_seeds(database_, demo()).applied.size());
            } catch (std::exception const& error) {
                ADD_FAILURE() << error.what();
            }
        });
    }
    for (std::jthread& thread : threads) {
        thread.join();
    }
    EXPECT_EQ(applied, static_cast<int>(reference.size() + samples.size()));
}

TEST_F(seed_test, is_undone_in_reverse_and_leaves_nothing) {
    std::string const before = content();
    apply_seeds(database_, demo());
    auto options = demo();
    EXPECT_THAT(undo_seeds(database_, options).applied,
                ElementsAreArray(samples.rbegin(), samples.rend()));
    EXPECT_EQ(value("SELECT count(*) FROM users"), "2");
    options.demo = false;
    EXPECT_THAT(undo_seeds(database_, options).applied,
                ElementsAreArray(reference.rbegin(), reference.rend()));
    EXPECT_EQ(content(), before);
    EXPECT_THAT(undo_seeds(database_, options).applied, IsEmpty());
    EXPECT_EQ(apply_seeds(database_, demo()).applied.size(), reference.size() + samples.size());
}

TEST_F(seed_test, does_not_undo_a_customer_with_calls) {
    apply_seeds(database_, demo());
    sql_session{database_, "test"}.execute(
        "INSERT INTO subscription_usage (subscription_id, account_id, billing_period_start, "
        "billing_period_end, currency, "
        "created_at, updated_at) SELECT id, account_id, now(), now() + interval '1 day', 'INR', "
        "now(), now() FROM "
        "subscriptions WHERE subscription_number = 'SUB-10001'");
    std::string const before = content();
    EXPECT_THROW(undo_seeds(database_, {}), std::runtime_error);
    EXPECT_EQ(content(), before) << "all or nothing";
}

TEST_F(seed_test, leaves_alone_what_people_made_themselves) {
    sql_session{database_, "test"}.execute(
        "INSERT INTO users (email, username, role) VALUES ('admin@balatrix.com', 'root', 'admin');"
        "INSERT INTO rate_plans (code, name) VALUES ('starter', 'My own')");
    apply_seeds(database_, {});
    EXPECT_EQ(value("SELECT username FROM users WHERE email = 'admin@balatrix.com'"), "root");
    EXPECT_EQ(value("SELECT name FROM rate_plans WHERE code = 'starter'"), "My own");
    EXPECT_EQ(value("SELECT count(*) FROM rates r JOIN rate_plans p ON p.id = r.rate_plan_id WHERE "
                    "p.code = 'starter'"),
              "0");
    undo_seeds(database_, {});
    EXPECT_EQ(rows("SELECT username FROM users"), "root");
    EXPECT_EQ(rows("SELECT name FROM rate_plans"), "My own");
}

TEST_F(seed_test, refuses_demo_data_in_production) {
    auto options = demo();
    options.production = true;
    EXPECT_THROW(apply_seeds(database_, options), std::runtime_error);
    EXPECT_EQ(value("SELECT count(*) FROM users"), "0");
    options.demo = false;
    EXPECT_EQ(apply_seeds(database_, options).applied, reference);
}

TEST_F(seed_test, wants_the_schema_first) {
    std::string const empty = private_postgres::shared().empty_database();
    try {
        apply_seeds(empty, {});
        ADD_FAILURE();
    } catch (std::runtime_error const& error) {
        EXPECT_THAT(error.what(), HasSubstr("run tallyd migrate up"));
    }
}

TEST_F(seed_test, makes_passwords_that_are_shown_once_and_must_be_changed) {
    seed_report const report = apply_seeds(database_, {});
    ASSERT_EQ(report.passwords.size(), 2U);
    EXPECT_EQ(report.passwords[0].email, "admin@balatrix.com");
    EXPECT_NE(report.passwords[0].password, report.passwords[1].password);
    std::string const hash = value("SELECT password_hash FROM users WHERE username = 'admin'");
    EXPECT_EQ(hash.substr(0, 7), "$2b$12$");
    EXPECT_TRUE(bcrypt_matches(report.passwords[0].password, hash));
    EXPECT_EQ(value("SELECT bool_and(must_change_password) FROM users"), "t");
    EXPECT_FALSE(bcrypt_matches("Admin@123", hash));
}

TEST_F(seed_test, takes_given_passwords_and_the_documented_ones_for_the_demo) {
    auto options = demo();
    options.support_password = "from the environment";
    EXPECT_THAT(apply_seeds(database_, options).passwords, IsEmpty());
    EXPECT_TRUE(bcrypt_matches("Admin@123",
                               value("SELECT password_hash FROM users WHERE username = 'admin'")));
    EXPECT_TRUE(
        bcrypt_matches("from the environment",
                       value("SELECT password_hash FROM users WHERE username = 'support'")));
    EXPECT_TRUE(bcrypt_matches(
        "Demo@123", value("SELECT password_hash FROM users WHERE username = 'acme.admin'")));
}

TEST(password, is_random_and_hashed_with_a_new_salt) {
    EXPECT_EQ(random_password().size(), 24U);
    EXPECT_NE(random_password(), random_password());
    EXPECT_NE(bcrypt_hash("x"), bcrypt_hash("x"));
    EXPECT_FALSE(bcrypt_matches("x", ""));
    EXPECT_FALSE(bcrypt_matches("x", "not a hash"));
    // Test vector of crypt_blowfish (Openwall), variant 2b.
    EXPECT_TRUE(
        bcrypt_matches("U*U", "$2b$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW"));
}

} // namespace
} // namespace tally::storage
