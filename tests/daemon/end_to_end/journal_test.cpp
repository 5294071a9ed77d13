#include "tests/daemon/end_to_end/journal_end_to_end.hpp"

#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <random>
#include <thread>

// An acknowledged push reaches PostgreSQL exactly once, whatever happens in between.

namespace tally {
namespace {

namespace fs = std::filesystem;
using ::testing::Each;
using ::testing::HasSubstr;
using tests::call;
using tests::calls;
using tests::daemon_process;
using tests::four_sums;
using tests::query_one;

char const* const binary = TALLY_BINARY;

using tests::journal_end_to_end;

TEST_F(journal_end_to_end, what_was_acknowledged_before_a_kill_is_stored_by_the_next_run) {
    {
        auto const daemon = start();
        blockade const held{connection_};
        for (int i = 0; i < 10; ++i) {
            ASSERT_EQ(push(*daemon, calls(i * 20, i * 20 + 20)), 202U);
        }
        EXPECT_EQ(stored(), "0");
        daemon->send(SIGKILL);
        daemon->wait();
    }
    auto const daemon = start();
    EXPECT_EQ(wait_stored("200"), "200") << daemon->log();
    EXPECT_THAT(four_sums(connection_), Each("340.000000000"));
    EXPECT_THAT(daemon->log(), HasSubstr("event=journal_replayed "));
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_TRUE(segments().empty()) << "nothing is left to be replayed";
    EXPECT_EQ(ends(), 1U);
    EXPECT_EQ(query_one(connection_, "SELECT position FROM positions"), "200");
}

TEST_F(journal_end_to_end, reads_what_it_finds_by_the_settings_of_its_source) {
    {
        auto const daemon = start();
        blockade const held{connection_};
        auto unknown = call(1);
        unknown.replace(unknown.find("ACC-"), 3, "NIL");
        ASSERT_EQ(push(*daemon, unknown), 202U);
        daemon->send(SIGKILL);
        daemon->wait();
    }
    // At a start the journal is found before the sources are loaded.
    auto const daemon = start();
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_TRUE(segments().empty());
    EXPECT_EQ(query_one(connection_, "SELECT n.name FROM ingest.suspense s JOIN ingest.sources n"
                                     " ON n.id = s.source_id"),
              "local");
}

// The database does not know how far the journal was stored, so the next run reads it again. Who
// pays was decided when the push came.
TEST_F(journal_end_to_end, a_number_that_moved_between_two_runs_charges_nobody_twice) {
    environment_["TALLYD_LANES"] = "2";
    auto const by_number = tests::call_of(0)
                               .without("account_number")
                               .with("caller_id", "+" + tests::did_of(1))
                               .line();
    {
        auto const daemon = start();
        ASSERT_EQ(push(*daemon, by_number, "/v1/cdrs?ack=commit"), 200U);
        daemon->send(SIGKILL);
        daemon->wait();
    }
    tests::execute(connection_, "DELETE FROM ingest.positions");
    tests::execute(connection_, "UPDATE billing.dids SET subscription_id = (SELECT id FROM"
                                " billing.subscriptions WHERE subscription_number = 'SUB-2')"
                                " WHERE did_number = '+" +
                                    tests::did_of(1) + "'");
    auto const daemon = start();
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_TRUE(segments().empty());
    EXPECT_EQ(stored(), "1");
    EXPECT_THAT(four_sums(connection_), Each("1.700000000"));
    EXPECT_EQ(query_one(connection_, "SELECT position FROM ingest.positions"), "1");
}

TEST_F(journal_end_to_end, kills_at_random_times_lose_and_repeat_nothing) {
    std::mt19937 random{20'260'504}; // NOLINT(cert-msc51-cpp): the same moments in every run
    int acknowledged = 0;
    for (int round = 0; round < 4; ++round) {
        // Another number of lanes each time: the streams are assigned again.
        environment_["TALLYD_LANES"] = std::to_string(1 + round % 3);
        auto const daemon = start();
        std::jthread sender{[&] {
            try {
                while (push(*daemon, calls(acknowledged, acknowledged + 50)) == 202U) {
                    acknowledged += 50;
                }
            } catch (std::exception const&) {
                // killed during the request: its records may be stored or not
            }
        }};
        std::this_thread::sleep_for(std::chrono::milliseconds{20 + random() % 200});
        daemon->send(SIGKILL);
        daemon->wait();
    }
    auto const daemon = start();
    ASSERT_EQ(push(*daemon, calls(0, acknowledged), "/v1/cdrs?ack=commit"), 200U);
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    auto const those = "SELECT count(*) FROM cdrs WHERE right(uuid::text, 12)::int < " +
                       std::to_string(acknowledged);
    EXPECT_EQ(query_one(connection_, those), std::to_string(acknowledged));
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM suspense"), "0");
    auto const sums = four_sums(connection_);
    EXPECT_THAT(sums, Each(sums[0]));
    EXPECT_EQ(query_one(connection_, "SELECT sum(cost) = count(*) * 1.7 FROM cdrs"), "t");
}

TEST_F(journal_end_to_end, an_event_without_a_time_has_that_of_its_push_whenever_it_is_stored) {
    std::string const event = R"({"specversion":"1.0","source":"/shop","id":"1",)"
                              R"("type":"app.error","data":{"message":"out of tea"}})";
    std::string acknowledged;
    {
        auto const daemon = start();
        storage::sql_session held{connection_, "test"};
        held.execute("BEGIN; LOCK ingest.event_identities IN EXCLUSIVE MODE");
        ASSERT_EQ(push(*daemon, event, "/v1/events"), 202U);
        acknowledged = query_one(connection_, "SELECT clock_timestamp()");
        daemon->send(SIGKILL);
        daemon->wait();
    }
    auto const daemon = start();
    EXPECT_EQ(push(*daemon, event, "/v1/events?ack=commit"), 200U);
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM analytics.error_logs"), "1");
    EXPECT_EQ(query_one(connection_,
                        "SELECT occurred_at <= '" + acknowledged + "' FROM analytics.error_logs"),
              "t");
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM suspense"), "0");
}

TEST_F(journal_end_to_end, an_event_without_a_time_has_that_of_its_push_also_after_suspense) {
    std::string const event = R"({"specversion":"1.0","source":"/shop","id":"1",)"
                              R"("type":"usage","subject":"SUB-9",)"
                              R"("data":{"metric":"sms","quantity":1}})";
    std::string acknowledged;
    environment_["TALLYD_SUSPENSE_AUTO_ATTEMPTS_MAX"] = "0";
    {
        auto const daemon = start();
        storage::sql_session held{connection_, "test"};
        held.execute("BEGIN; LOCK ingest.suspense IN EXCLUSIVE MODE");
        ASSERT_EQ(push(*daemon, event, "/v1/events"), 202U);
        acknowledged = query_one(connection_, "SELECT clock_timestamp()");
        daemon->send(SIGKILL);
        daemon->wait();
    }
    auto const daemon = start();
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_EQ(query_one(connection_, "SELECT reason || ' ' || (received_at <= '" + acknowledged +
                                         "') FROM ingest.suspense"),
              "unknown_subject true");
    tests::execute(connection_,
                   "UPDATE billing.subscriptions SET subscription_number = 'SUB-9' WHERE"
                   " subscription_number = 'SUB-1';"
                   "INSERT INTO billing.metric_prices (rate_plan_id, name, aggregation, model,"
                   " price) SELECT DISTINCT rate_plan_id, 'sms', 'sum'::billing.metric_aggregation,"
                   " 'per_unit'::billing.price_model, 0.1 FROM billing.subscriptions");
    auto const retried = tests::run_tallyd(binary, {"suspense", "retry"}, environment_);
    EXPECT_EQ(retried.exit_code, 0) << retried.out;
    EXPECT_EQ(query_one(connection_,
                        "SELECT occurred_at <= '" + acknowledged + "' FROM analytics.usage_events"),
              "t");
}

TEST_F(journal_end_to_end, takes_pushes_while_the_database_stands_still) {
    auto const daemon = start();
    auto held = std::make_unique<blockade>(connection_);
    for (int i = 0; i < 30; ++i) {
        ASSERT_EQ(push(*daemon, calls(i * 10, i * 10 + 10)), 202U);
    }
    EXPECT_EQ(tests::http_request(daemon->admin_port(), "GET", "/readyz").status, 200U);
    EXPECT_EQ(stored(), "0");
    held.reset();
    EXPECT_EQ(wait_stored("300"), "300");
    EXPECT_THAT(four_sums(connection_), Each("510.000000000"));
}

TEST_F(journal_end_to_end,
       forgets_a_sender_that_gave_up_waiting_for_commit_and_stores_what_it_sent_once) {
    environment_["TALLYD_HTTP_COMMIT_TIMEOUT_MS"] = "30";
    auto const daemon = start();
    auto held = std::make_unique<blockade>(connection_);
    constexpr int pushes = 20;
    for (int round = 0; round < 3; ++round) { // a sender that gets 503 sends the push again
        for (int i = 0; i < pushes; ++i) {
            ASSERT_EQ(push(*daemon, calls(i, i + 1), "/v1/cdrs?ack=commit"), 503U);
        }
    }
    EXPECT_THAT(tests::http_request(daemon->admin_port(), "GET", "/status").body,
                HasSubstr("\"commit_waiters\":0"));
    held.reset();
    EXPECT_EQ(wait_stored(std::to_string(pushes)), std::to_string(pushes));
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_THAT(four_sums(connection_), Each("34.000000000"));
    EXPECT_THAT(daemon->log(), HasSubstr("received=60 accepted=60 rejected=0 committed=20 "
                                         "duplicate=40 suspended=0"));
}

TEST_F(journal_end_to_end, refuses_at_its_cap_and_takes_again_once_it_is_drained) {
    environment_["TALLYD_JOURNAL_MAX_BYTES"] = "1MiB";
    auto const daemon = start();
    auto held = std::make_unique<blockade>(connection_);
    int taken = 0;
    unsigned status = 202;
    for (; taken < 400 && status == 202; ++taken) {
        status = push(*daemon, calls(taken * 50, taken * 50 + 50));
    }
    --taken; // the last one was refused
    EXPECT_EQ(status, 503U);
    EXPECT_GT(taken, 10);
    EXPECT_THAT(tests::http_request(daemon->admin_port(), "GET", "/readyz").body,
                HasSubstr("journal_full"));
    std::uintmax_t bytes = 0;
    for (auto const& segment : segments()) {
        bytes += fs::file_size(segment);
    }
    EXPECT_LE(bytes, 1U << 20);
    held.reset();
    EXPECT_EQ(wait_stored(std::to_string(taken * 50)), std::to_string(taken * 50));
    for (int tries = 0; tries < 200 && status == 503; ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
        status = push(*daemon, calls(0, 50)); // already stored
    }
    EXPECT_EQ(status, 202U);
}

TEST_F(journal_end_to_end, belongs_to_one_daemon) {
    auto const daemon = start();
    environment_["TALLYD_HTTP_LISTEN"] = environment_["TALLYD_ADMIN_LISTEN"] = "127.0.0.1:0";
    auto const second = tests::run_tallyd(binary, {"run"}, environment_);
    EXPECT_EQ(second.exit_code, 1);
    EXPECT_THAT(second.out,
                HasSubstr("in use by another tallyd (pid " + std::to_string(daemon->pid()) + ")"));
}

} // namespace
} // namespace tally
