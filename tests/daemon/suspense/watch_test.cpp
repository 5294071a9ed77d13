#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <csignal>
#include <thread>

// Real daemons retry suspended records automatically.

namespace tally {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using tests::daemon_process;
using tests::execute;
using tests::query_one;

/// A call by its caller's number, without an account.
std::string call_from(std::string const& number, int i) {
    return tests::call_json{i}
        .without("account_number")
        .with("caller_id", number)
        .with("destination", "1212")
        .lasting(1777888800, 60)
        .line();
}

class suspense_watch : public ::testing::Test {
  protected:
    suspense_watch() {
        tests::make_telecom(connection_, 3);
        environment_["TALLYD_DATABASE_URL"] = connection_;
    }
    std::unique_ptr<daemon_process> start() {
        auto daemon = std::make_unique<daemon_process>(TALLY_BINARY, environment_);
        EXPECT_TRUE(daemon->wait_ready()) << daemon->log();
        return daemon;
    }
    static void push(daemon_process const& daemon, std::string const& body) {
        auto const answer = tests::http_request(daemon.http_port(), "POST", "/v1/cdrs?ack=commit",
                                                body, {{"Content-Type", "application/x-ndjson"}});
        EXPECT_EQ(answer.status, 200U) << answer.body;
    }
    static std::string metrics(daemon_process const& subject) {
        return tests::http_request(subject.admin_port(), "GET", "/metrics").body;
    }
    std::string one(std::string_view sql) const { return query_one(connection_, sql); }
    /// Polls until a query returns this result.
    bool becomes(std::string_view sql, std::string_view answer) const {
        for (int i = 0; i < 3000; ++i) {
            if (one(sql) == answer) {
                return true;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
        return false;
    }
    bool all_becomes(std::string_view state) const {
        return becomes("SELECT coalesce(string_agg(DISTINCT state::text, ','), '')"
                       " FROM ingest.suspense",
                       state);
    }
    void give_number(std::string const& number) const {
        execute(connection_, "INSERT INTO billing.dids (did_number, subscription_id, status)"
                             " SELECT '" +
                                 number +
                                 "', id, 'active' FROM billing.subscriptions WHERE"
                                 " subscription_number = 'SUB-1'");
    }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    std::map<std::string, std::string> environment_;
};

TEST_F(suspense_watch, a_number_that_comes_late_gets_its_call_billed) {
    auto const daemon = start();
    push(*daemon, call_from("4930111", 1));
    EXPECT_EQ(one("SELECT reason || ' ' || state FROM ingest.suspense"), "unknown_number waiting");
    give_number("4930111");
    EXPECT_TRUE(all_becomes("resolved")) << daemon->log();
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "1");
    EXPECT_THAT(tests::four_sums(connection_), Each("0.600000000"));
    EXPECT_EQ(one("SELECT resolved_by IS NULL AND resolved_at IS NOT NULL FROM ingest.suspense"),
              "t");
    push(*daemon, call_from("4930111", 1));
    EXPECT_THAT(tests::four_sums(connection_), Each("0.600000000"));
    // Counted when it arrived; the retry has its own counter, and the sums are still equal.
    auto const shown = metrics(*daemon);
    EXPECT_THAT(shown, HasSubstr("tally_records_suspended_total{reason=\"unknown_number\"} 1\n"));
    EXPECT_THAT(shown, HasSubstr("tally_suspense_retried_total{outcome=\"stored\"} 1\n"));
    EXPECT_THAT(shown, HasSubstr("tally_records_accepted_total 2\n"));
    EXPECT_THAT(shown, HasSubstr("tally_records_duplicate_total 1\n"));
    EXPECT_THAT(shown, HasSubstr("tally_rated_amount_total{currency=\"INR\"} 0.6\n"));
}

TEST_F(suspense_watch, what_came_while_no_daemon_ran_is_tried_at_its_start) {
    {
        auto const daemon = start();
        push(*daemon, call_from("4930111", 1));
    }
    give_number("4930111");
    auto const daemon = start();
    EXPECT_TRUE(all_becomes("resolved")) << daemon->log();
    EXPECT_THAT(tests::four_sums(connection_), Each("0.600000000"));
}

TEST_F(suspense_watch, tries_of_one_record_are_spaced_and_end) {
    environment_["TALLYD_SUSPENSE_AUTO_ATTEMPTS_MAX"] = "2";
    auto const daemon = start();
    push(*daemon, call_from("4930111", 1));
    give_number("4930222"); // a number of another call
    EXPECT_TRUE(becomes("SELECT auto_attempts FROM ingest.suspense", "1"));
    EXPECT_EQ(one("SELECT next_attempt_at BETWEEN now() + interval '5 s' AND now() + interval"
                  " '15 s' AND tried_catalog_at < now() FROM ingest.suspense"),
              "t");
    execute(connection_, "UPDATE ingest.suspense SET next_attempt_at = now()");
    give_number("4930333");
    EXPECT_TRUE(becomes("SELECT auto_attempts FROM ingest.suspense", "2"));
    EXPECT_EQ(one("SELECT next_attempt_at IS NULL AND attempts = 3 FROM ingest.suspense"), "t");
    give_number("4930111"); // no automatic attempt is left; an operator can still retry
    push(*daemon, call_from("4930444", 2));
    give_number("4930444");
    EXPECT_TRUE(becomes("SELECT count(*) FROM ingest.suspense WHERE state = 'resolved'", "1"));
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense WHERE state = 'waiting'"), "1");
    EXPECT_EQ(tests::run_tallyd(TALLY_BINARY, {"suspense", "retry"}, environment_).exit_code, 0);
    EXPECT_TRUE(all_becomes("resolved"));
    EXPECT_THAT(tests::four_sums(connection_), Each("1.200000000"));
}

TEST_F(suspense_watch, leaves_alone_what_only_a_person_can_correct) {
    environment_["TALLYD_PARTITIONS_PAST_DAYS"] = "1";
    auto const daemon = start();
    push(*daemon, call_from(tests::did_of(1), 1));
    EXPECT_EQ(one("SELECT reason FROM ingest.suspense"), "time_out_of_bounds");
    push(*daemon, call_from("4930111", 2));
    give_number("4930222");
    EXPECT_TRUE(becomes("SELECT sum(auto_attempts) FROM ingest.suspense", "1"));
    EXPECT_EQ(one("SELECT attempts FROM ingest.suspense WHERE reason = 'time_out_of_bounds'"), "1");
}

TEST_F(suspense_watch, tries_nothing_when_told_so_but_tells_what_waits) {
    environment_["TALLYD_SUSPENSE_AUTO_ATTEMPTS_MAX"] = "0";
    {
        auto const daemon = start();
        push(*daemon, call_from("4930111", 1));
        give_number("4930111");
    }
    auto const daemon = start();
    EXPECT_TRUE(becomes("SELECT 1", "1"));
    std::string shown;
    for (int i = 0; i < 500 && shown.find("tally_suspense_waiting{") == std::string::npos; ++i) {
        shown = metrics(*daemon);
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    EXPECT_THAT(shown, HasSubstr("tally_suspense_waiting{reason=\"unknown_number\"} 1\n"));
    EXPECT_EQ(one("SELECT state || ' ' || attempts FROM ingest.suspense"), "waiting 1");
}

// Two daemons, one of which is killed while it retries, and operators who retry at once.
TEST_F(suspense_watch, daemons_and_people_at_once_store_each_record_once) {
    auto first = start();
    auto const second = start();
    std::string calls;
    for (int i = 0; i < 3000; ++i) {
        calls += call_from("4930111", i);
    }
    push(*first, calls);
    give_number("4930111");
    std::vector<std::thread> people;
    for (int i = 0; i < 2; ++i) {
        people.emplace_back([&] {
            auto const done = tests::run_tallyd(TALLY_BINARY, {"suspense", "retry"}, environment_);
            EXPECT_EQ(done.exit_code, 0) << done.out;
        });
    }
    EXPECT_TRUE(becomes("SELECT count(*) > 0 FROM billing.cdrs", "t"));
    first->send(SIGKILL);
    for (auto& each : people) {
        each.join();
    }
    EXPECT_TRUE(all_becomes("resolved")) << second->log();
    EXPECT_EQ(one("SELECT count(*) FROM billing.cdrs"), "3000");
    EXPECT_THAT(tests::four_sums(connection_), Each("1800.000000000"));
}

} // namespace
} // namespace tally
