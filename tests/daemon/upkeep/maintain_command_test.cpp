#include "storage/postgres/pq_connection.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <signal.h>
#include <thread>

// tallyd maintain with the real binary, and the same jobs run by tallyd run.

namespace tally {
namespace {

using testing::HasSubstr;
using tests::execute;
using tests::query_one;

class maintain_command : public testing::Test {
  protected:
    maintain_command() {
        environment_["TALLYD_DATABASE_URL"] = connection_;
        tests::make_telecom(connection_, 2);
        execute(connection_, "INSERT INTO identity.token_blacklist (token_hash, expires_at,"
                             " user_id) SELECT 'h' || i, '2020-01-01Z', gen_random_uuid()"
                             " FROM generate_series(1, 3) AS i;"
                             "UPDATE subscriptions SET status = 'trialing', trial_ends_at ="
                             " now() + interval '1 day' WHERE subscription_number = 'SUB-1'");
    }
    tests::command_result maintain(std::vector<std::string> words) const {
        words.insert(words.begin(), "maintain");
        return tests::run_tallyd(TALLY_BINARY, words, environment_);
    }
    [[nodiscard]] std::string blacklisted() const {
        return query_one(connection_, "SELECT count(*) FROM identity.token_blacklist");
    }
    /// Waits for up to a minute.
    [[nodiscard]] bool becomes(std::string const& sql, std::string const& value) const {
        for (int i = 0; i < 600 && query_one(connection_, sql) != value; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds{100});
        }
        return query_one(connection_, sql) == value;
    }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    std::map<std::string, std::string> environment_;
};

TEST_F(maintain_command, says_what_it_would_do_and_then_does_it) {
    auto const tried = maintain({"cleanup-tokens", "--dry-run"});
    EXPECT_EQ(tried.exit_code, 0);
    EXPECT_THAT(tried.out, HasSubstr("expired blacklist entries\t3\n"));
    EXPECT_EQ(blacklisted(), "3");
    EXPECT_EQ(maintain({"cleanup-tokens"}).out, tried.out);
    EXPECT_EQ(blacklisted(), "0");
    EXPECT_THAT(maintain({"cleanup-tokens"}).out, HasSubstr("expired blacklist entries\t0\n"));
}

TEST_F(maintain_command, answers_in_json_when_asked) {
    EXPECT_THAT(maintain({"cleanup-tokens", "--json"}).out,
                HasSubstr(R"({"job":"cleanup-tokens","dry_run":false,"busy":false,"changed":3,)"
                          R"("failures":0,"rows":[{"what":"expired blacklist entries","rows":3})"));
    EXPECT_THAT(maintain({"expiring-trials", "--json"}).out,
                HasSubstr(R"("rows":[{"subscription":"SUB-1","customer":)"));
}

TEST_F(maintain_command, makes_partitions_once) {
    EXPECT_THAT(maintain({"partitions"}).out, HasSubstr("billing.cdrs_p"));
    EXPECT_EQ(maintain({"partitions"}).out, "nothing to do\n");
}

TEST_F(maintain_command, fails_when_a_partition_does) {
    execute(connection_, "SELECT ingest.create_partition('billing.cdrs', '2020-01-01Z');"
                         "UPDATE ingest.partitions SET created_at = '2020-01-01Z';"
                         "UPDATE ingest.partitioned_tables SET sealed_indexes = '{nothing}'"
                         " WHERE table_name = 'billing.cdrs'");
    auto const failed = maintain({"partitions"});
    EXPECT_EQ(failed.exit_code, 1);
    EXPECT_THAT(failed.out, HasSubstr("billing.cdrs_p20200101\tfailed\tnot sealed: "));
}

TEST_F(maintain_command, does_every_job_and_knows_no_other) {
    for (auto const* job : {"rollup", "batches", "cleanup-sessions", "expire-subscriptions"}) {
        EXPECT_EQ(maintain({job}).exit_code, 0) << job;
    }
    EXPECT_THAT(maintain({"--help"}).out, HasSubstr("expire-subscriptions"));
    EXPECT_EQ(maintain({"sweep"}).exit_code, 2);
    EXPECT_EQ(maintain({}).exit_code, 2);
}

TEST_F(maintain_command, says_when_another_is_at_it) {
    storage::pq_connection holder{connection_, "tallyd test"};
    ASSERT_TRUE(holder.execute("BEGIN; LOCK identity.token_blacklist").ok());
    std::jthread first{[this] { EXPECT_EQ(maintain({"cleanup-tokens"}).exit_code, 0); }};
    EXPECT_TRUE(becomes("SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND"
                        " application_name = 'tallyd maintain' AND datname = current_database()",
                        "1"));
    auto const second = maintain({"cleanup-tokens"});
    EXPECT_EQ(second.exit_code, 0);
    EXPECT_EQ(second.out, "another tallyd is running this job now\n");
    EXPECT_THAT(maintain({"cleanup-tokens", "--json"}).out, HasSubstr(R"("busy":true)"));
    ASSERT_TRUE(holder.execute("COMMIT").ok());
    first.join();
    EXPECT_EQ(blacklisted(), "0");
}

TEST_F(maintain_command, tallyd_run_does_what_was_missed) {
    environment_["TALLYD_LOG_LEVEL"] = "info";
    tests::daemon_process daemon{TALLY_BINARY, environment_};
    EXPECT_TRUE(becomes("SELECT count(*) FROM ingest.maintenance_runs", "6"));
    EXPECT_EQ(blacklisted(), "0");
    daemon.send(SIGTERM);
    EXPECT_EQ(daemon.wait(), 0);
    EXPECT_THAT(daemon.log(), HasSubstr("event=maintenance_done job=cleanup-tokens changed=3"));
}

TEST_F(maintain_command, tallyd_run_leaves_it_when_told_to) {
    environment_["TALLYD_MAINTENANCE_ENABLED"] = "false";
    tests::daemon_process daemon{TALLY_BINARY, environment_};
    EXPECT_TRUE(daemon.wait_ready());
    daemon.send(SIGTERM);
    EXPECT_EQ(daemon.wait(), 0);
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM ingest.maintenance_runs"), "0");
}

} // namespace
} // namespace tally
