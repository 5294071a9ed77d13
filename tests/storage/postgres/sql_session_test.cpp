#include "storage/postgres/sql_session.hpp"

#include "tests/support/billing_fixture.hpp"
#include "tests/support/cutting_proxy.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

namespace tally::storage {
namespace {

using testing::HasSubstr;

/// The error of a call that must fail.
template <typename Call>
database_error error_of(Call&& call) {
    try {
        call();
    } catch (database_error const& error) {
        return error;
    }
    ADD_FAILURE() << "nothing is refused";
    return database_error{{}};
}

class sql_session_test : public testing::Test {
  protected:
    database_error refusal(std::string const& sql) {
        return error_of([&] { session_.query(sql); });
    }
    sql_value setting(std::string const& name) { return session_.query_value("SHOW " + name); }

    std::string database_ = tests::private_postgres::shared().empty_database();
    sql_session session_{database_, "test session"};
};

TEST_F(sql_session_test, reads_values_of_every_type) {
    session_.execute("SET timezone = 'Asia/Kolkata'");
    auto const rows = session_.query("SELECT $1::text, NULL::text, ''::text, true, false,"
                                     " -9223372036854775808, -12.000000001::numeric,"
                                     " timestamptz '2026-05-04 10:00:00.25Z',"
                                     " timestamptz '1969-12-31 23:59:59Z', NULL::bigint",
                                     {"it's \"\xc3\xa4\"\n"});
    ASSERT_EQ(rows.size(), 1U);
    auto const& row = rows.front();
    EXPECT_EQ(row.text(0), "it's \"\xc3\xa4\"\n");
    EXPECT_TRUE(row.is_null(1));
    EXPECT_EQ(row.text(1), "");
    EXPECT_FALSE(row.is_null(2));
    EXPECT_TRUE(row.boolean(3));
    EXPECT_FALSE(row.boolean(4));
    EXPECT_EQ(row.integer(5), INT64_MIN);
    EXPECT_TRUE(row.nanos(6) == rating::int128{-12'000'000'001});
    EXPECT_EQ(row.time(7), 1'777'888'800'250'000);
    EXPECT_EQ(row.time(8), -1'000'000);
    EXPECT_THROW((void)row.integer(9), database_error);
}

TEST_F(sql_session_test, refuses_a_value_of_another_type) {
    auto const rows = session_.query("SELECT 'x', 1.5, '0.0000000001', 'infinity'::timestamptz,"
                                     " '2026-05-04', 9223372036854775808");
    auto const& row = rows.front();
    EXPECT_THROW((void)row.boolean(0), database_error);
    EXPECT_THROW((void)row.integer(1), database_error);
    EXPECT_THROW((void)row.nanos(2), database_error);
    EXPECT_THROW((void)row.time(3), database_error);
    EXPECT_THROW((void)row.time(4), database_error);
    EXPECT_THROW((void)row.integer(5), database_error);
}

TEST_F(sql_session_test, takes_parameters_as_text_or_null) {
    auto const row = session_.query("SELECT $1::integer + 1, $2::text IS NULL, $3::numeric * 2",
                                    {"41", sql_value{}, "0.1"});
    EXPECT_EQ(row.front().integer(0), 42);
    EXPECT_TRUE(row.front().boolean(1));
    EXPECT_EQ(row.front().text(2), "0.2");
    EXPECT_EQ(session_.query_value("SELECT 1 WHERE false"), std::nullopt);
    EXPECT_EQ(session_.query_value("SELECT NULL"), std::nullopt);
}

TEST_F(sql_session_test, executes_a_script_and_returns_the_rows_of_its_last_statement) {
    auto const rows = session_.execute("CREATE TABLE t (n int); INSERT INTO t VALUES (1), (2);"
                                       "SELECT n FROM t ORDER BY n");
    ASSERT_EQ(rows.size(), 2U);
    EXPECT_EQ(rows[1].integer(0), 2);

    // One implicit transaction: nothing of a script that fails remains.
    error_of([&] { session_.execute("INSERT INTO t VALUES (3); SELECT 1 / 0"); });
    EXPECT_EQ(session_.query_value("SELECT count(*) FROM t"), "2");
}

TEST_F(sql_session_test, reports_a_refusal_with_its_sqlstate_and_the_words_of_the_server) {
    session_.execute("CREATE TABLE parts (n int CHECK (n > 0), code text UNIQUE)");
    session_.execute("INSERT INTO parts VALUES (1, 'a')");
    auto const taken = refusal("INSERT INTO parts VALUES (2, 'a')");
    EXPECT_EQ(taken.sqlstate(), "23505");
    EXPECT_EQ(taken.reason(), failure::bad_data);
    EXPECT_TRUE(taken.is_refusal());
    EXPECT_FALSE(taken.is_temporary());
    EXPECT_FALSE(taken.is_connection_lost());
    EXPECT_EQ(taken.report().detail, "Key (code)=(a) already exists.");
    EXPECT_STREQ(taken.what(), "the database refuses: duplicate key value violates unique "
                               "constraint \"parts_code_key\"; Key (code)=(a) already exists.");

    auto const unknown = refusal("SELECT cod FROM parts");
    EXPECT_EQ(unknown.sqlstate(), "42703");
    EXPECT_THAT(unknown.report().hint, HasSubstr("parts.code"));
    EXPECT_THAT(unknown.report().text, HasSubstr("LINE 1: SELECT cod FROM parts"));
    EXPECT_EQ(session_.query_value("SELECT 1"), "1"); // the session goes on
}

// The write path opens a new connection after these; here a transaction would be lost by that.
TEST_F(sql_session_test, goes_on_after_a_refusal_that_is_not_fatal) {
    session_.execute("SET default_transaction_read_only = on");
    EXPECT_EQ(refusal("CREATE TABLE t (n int)").sqlstate(), "25006");
    EXPECT_EQ(refusal("EXECUTE nothing_prepared").sqlstate(), "26000");
    EXPECT_EQ(setting("default_transaction_read_only"), "on");
}

TEST_F(sql_session_test, says_for_which_purpose_a_request_failed) {
    result const failed{failure::permanent, "42501", "permission denied for table imports"};
    auto const error = error_of([&] { check(failed, "list the imports"); });
    EXPECT_STREQ(error.what(), "the database refuses to list the imports: "
                               "permission denied for table imports");
    EXPECT_EQ(error.purpose(), "list the imports");
    EXPECT_EQ(error.report().message, "permission denied for table imports");
    EXPECT_NO_THROW(check({}));

    // A refusal of tallyd itself is not ascribed to the database.
    auto const own = error_of([] { check({failure::bad_data, {}, "no import of that id"}); });
    EXPECT_STREQ(own.what(), "no import of that id");
    EXPECT_FALSE(own.is_connection_lost());
}

TEST_F(sql_session_test, a_transaction_is_rolled_back_unless_it_commits) {
    session_.execute("CREATE TABLE t (n int)");
    {
        sql_transaction const transaction{session_};
        session_.execute("INSERT INTO t VALUES (1)");
    }
    EXPECT_EQ(session_.query_value("SELECT count(*) FROM t"), "0");
    sql_transaction transaction{session_};
    session_.execute("INSERT INTO t VALUES (1)");
    transaction.commit();
    EXPECT_EQ(tests::query_one(database_, "SELECT count(*) FROM t"), "1");
}

TEST_F(sql_session_test, a_savepoint_undoes_a_failure_and_keeps_the_transaction) {
    session_.execute("CREATE TABLE t (n int PRIMARY KEY)");
    sql_transaction transaction{session_};
    session_.execute("INSERT INTO t VALUES (1)");
    {
        sql_savepoint outer{session_};
        session_.execute("INSERT INTO t VALUES (2)");
        {
            sql_savepoint const inner{session_};
            session_.execute("INSERT INTO t VALUES (3)");
            EXPECT_EQ(refusal("INSERT INTO t VALUES (1)").sqlstate(), "23505");
        }
        outer.keep();
    }
    {
        sql_savepoint const undone{session_};
        session_.execute("INSERT INTO t VALUES (4)");
    }
    transaction.commit();
    EXPECT_EQ(tests::query_one(database_, "SELECT string_agg(n::text, ' ' ORDER BY n) FROM t"),
              "1 2");
}

TEST_F(sql_session_test, a_statement_that_takes_too_long_is_a_temporary_failure) {
    sql_session hasty{database_, "test", {.statement_timeout_ms = 50}};
    auto const slow = error_of([&] { hasty.query("SELECT pg_sleep(60)"); });
    EXPECT_EQ(slow.sqlstate(), "57014");
    EXPECT_TRUE(slow.is_temporary());
    EXPECT_EQ(hasty.query_value("SELECT 1"), "1");
}

TEST_F(sql_session_test, a_lock_that_is_held_too_long_is_a_temporary_failure) {
    session_.execute("CREATE TABLE t (n int)");
    sql_transaction const holder{session_};
    session_.execute("LOCK TABLE t");
    sql_session hasty{database_, "test", {.lock_timeout_ms = 50}};
    auto const busy = error_of([&] { hasty.query("SELECT * FROM t"); });
    EXPECT_EQ(busy.sqlstate(), "55P03");
    EXPECT_TRUE(busy.is_temporary());
}

TEST_F(sql_session_test, never_opens_a_lost_connection_again) {
    {
        sql_transaction const transaction{session_};
        tests::execute(database_, "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                                  " WHERE application_name = 'test session'");
        EXPECT_TRUE(refusal("SELECT 1").is_temporary());
    }
    auto const after = refusal("SELECT 1");
    EXPECT_TRUE(after.is_connection_lost());
    EXPECT_STREQ(after.what(), "no connection to the database: connection lost");
}

TEST_F(sql_session_test, reports_a_connection_that_is_cut_within_a_statement) {
    tests::cutting_proxy proxy{database_};
    sql_session session{proxy.connection_string(), "test"};
    proxy.arm(tests::cutting_proxy::cut::before_answer, "tallyd cut");
    auto const error = error_of([&] { session.query("SELECT 'tallyd cut'"); });
    EXPECT_TRUE(proxy.has_cut());
    EXPECT_TRUE(error.is_connection_lost()) << error.what();
    EXPECT_TRUE(error.is_temporary());
}

TEST_F(sql_session_test, says_why_a_login_is_refused) {
    auto const refused = error_of([&] { sql_session{database_ + " user=stranger", "test"}; });
    EXPECT_TRUE(refused.is_refusal());
    EXPECT_EQ(refused.sqlstate().substr(0, 2), "28") << refused.what();
    EXPECT_THAT(refused.what(), HasSubstr("stranger"));
    EXPECT_THAT(refused.what(), Not(HasSubstr("LOCATION"))); // in the server's source
    EXPECT_THAT(refused.what(), Not(HasSubstr(refused.sqlstate())));

    auto const missing = error_of([&] { sql_session{database_ + " dbname=nowhere", "test"}; });
    EXPECT_EQ(missing.sqlstate(), "3D000");
    auto const absent = error_of([] { sql_session{"host=/nowhere", "test"}; });
    EXPECT_TRUE(absent.is_connection_lost());
    EXPECT_THAT(absent.what(), HasSubstr("/nowhere"));
}

TEST_F(sql_session_test, can_be_canceled_by_another_thread) {
    std::jthread const canceling{[&] {
        auto const deadline = std::chrono::steady_clock::now() + std::chrono::minutes{1};
        while (std::chrono::steady_clock::now() < deadline &&
               tests::query_one(database_, "SELECT count(*) FROM pg_stat_activity WHERE"
                                           " wait_event = 'PgSleep'") != "1") {
            std::this_thread::sleep_for(std::chrono::milliseconds{10});
        }
        session_.cancel();
    }};
    EXPECT_TRUE(refusal("SELECT pg_sleep(120)").is_temporary());
    EXPECT_THAT(refusal("SELECT 1").what(), HasSubstr("canceled"));
}

TEST_F(sql_session_test, has_the_settings_of_every_session_and_leaves_the_others_to_the_server) {
    session_.execute("ALTER DATABASE \"" + session_.address().database +
                     "\" SET timezone = 'Asia/Kolkata'");
    session_.execute("ALTER DATABASE \"" + session_.address().database +
                     "\" SET synchronous_commit = off");
    sql_session session{database_, "tallyd test"};
    EXPECT_EQ(session.query_value("SHOW synchronous_commit"), "on");
    session_.execute("ALTER DATABASE \"" + session_.address().database +
                     "\" SET synchronous_commit = remote_write");
    EXPECT_EQ((sql_session{database_, "test"}.query_value("SHOW synchronous_commit")), "on");
    session_.execute("ALTER DATABASE \"" + session_.address().database +
                     "\" SET synchronous_commit = remote_apply");
    EXPECT_EQ((sql_session{database_, "test"}.query_value("SHOW synchronous_commit")),
              "remote_apply");
    EXPECT_EQ(session.query_value("SHOW application_name"), "tallyd test");
    EXPECT_EQ(session.query_value("SHOW timezone"), "Asia/Kolkata");
    EXPECT_EQ(session.query_value("SHOW statement_timeout"), "0");
    EXPECT_EQ(session.query_value("SHOW enable_hashjoin"), "on");
    EXPECT_GE(session.server_version(), 140'000);
}

TEST_F(sql_session_test, refuses_a_copy_and_ends) {
    EXPECT_EQ(error_of([&] { session_.execute("COPY (SELECT 1) TO STDOUT"); }).sqlstate(), "0A000");
    EXPECT_TRUE(refusal("SELECT 1").is_connection_lost());
}

std::vector<std::string> noticed; // by the process's log

TEST_F(sql_session_test, hands_warnings_of_the_server_to_the_log) {
    log_server_notices([](std::string_view severity, std::string_view message) {
        noticed.push_back(std::string{severity} + " " + std::string{message});
    });
    session_.execute("DO $$ BEGIN RAISE NOTICE 'small'; RAISE WARNING 'disk %', 'low'; END $$");
    log_server_notices(nullptr);
    session_.execute("DO $$ BEGIN RAISE WARNING 'not listened to'; END $$");
    EXPECT_THAT(noticed, testing::ElementsAre("WARNING disk low"));
}

TEST_F(sql_session_test, describes_the_database_of_a_connection_string) {
    auto const address = session_.address();
    EXPECT_EQ(describe_database(database_), "database \"" + address.database + "\" at " +
                                                address.host + ", port " + address.port);
}

} // namespace
} // namespace tally::storage
