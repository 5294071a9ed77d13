#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <thread>

// The whole pipeline with the real binary: records over sockets and files become exact rows, costs,
// usage and balances.

namespace tally {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using tests::daemon_process;
using tests::four_sums;
using tests::http_answer;
using tests::query_one;
using tests::query_rows;

std::string const binary = TALLY_BINARY;

std::string canonical(int number, int account, std::string const& destination, int seconds) {
    return tests::call_json{number}
        .account(account)
        .with("destination", destination)
        .lasting(1'777'888'800, seconds)
        .line();
}

/// A body as mod_json_cdr sends it by default: raw JSON with percent-encoded values.
std::string freeswitch(std::string const& id, std::string const& account,
                       std::string const& destination, std::int64_t seconds) {
    auto const us = [](std::int64_t s) { return std::to_string((1'777'888'800 + s) * 1'000'000); };
    tests::json_object variables;
    variables.with("uuid", id).with("direction", "inbound").with("accountcode", account);
    variables.with("start_stamp", "2026-05-04%2010%3A00%3A00").with("start_uepoch", us(0));
    variables.with("answer_uepoch", us(2)).with("end_uepoch", us(2 + seconds));
    variables.with("start_epoch", "1777888800").with("answer_epoch", "1777888802");
    variables.with("duration", std::to_string(seconds + 2));
    variables.with("billsec", std::to_string(seconds)).with("hangup_cause", "NORMAL_CLEARING");
    variables.with("caller_id", "%221001%22%20%3C1001%3E");

    tests::json_object profile;
    profile.with("caller_id_number", "1001").with("destination_number", destination);
    tests::json_object leg;
    leg.with("profile_index", "1").with_json("caller_profile", profile.with("uuid", id).text());
    leg.with_json("times", R"({"answered_time":"1"})");

    tests::json_object body;
    body.with("core-uuid", "11111111-2222-4333-8444-555555555555").with("switchname", "pbx");
    body.with_json("variables", variables.text()).with_json("callflow", "[" + leg.text() + "]");
    return body.text();
}

std::string asterisk(int counter, std::string const& account, std::string const& destination,
                     int seconds) {
    auto const end = std::to_string(10 + seconds % 50);
    return "\"" + account + "\",\"1001\",\"" + destination +
           R"(","internal","""Ann"" <1001>","SIP/1001-1","SIP/out-2","Dial","SIP/out",)"
           R"("2026-05-04 11:00:10","2026-05-04 11:00:10","2026-05-04 11:00:)" +
           end + "\"," + std::to_string(seconds) + "," + std::to_string(seconds) +
           R"(,"ANSWERED","DOCUMENTATION","1777892410.)" + std::to_string(counter) + "\",\"\"\n";
}

class ingest_end_to_end : public ::testing::Test {
  protected:
    ingest_end_to_end() {
        connection_ = tests::private_postgres::shared().migrated_database();
        tests::make_telecom(connection_, 5);
        environment_["TALLYD_DATABASE_URL"] = connection_;
        std::string folder =
            (std::filesystem::temp_directory_path() / "tallyd-ingest-XXXXXX").string();
        folder_ = ::mkdtemp(folder.data());
    }
    ~ingest_end_to_end() override { std::filesystem::remove_all(folder_); }

    std::unique_ptr<daemon_process> start() {
        auto daemon = std::make_unique<daemon_process>(binary, environment_);
        EXPECT_TRUE(daemon->wait_ready()) << daemon->log();
        return daemon;
    }
    static http_answer push(daemon_process const& daemon, std::string const& body,
                            std::string const& target = "/v1/cdrs?ack=commit") {
        return tests::http_request(daemon.http_port(), "POST", target, body,
                                   {{"Content-Type", "application/x-ndjson"}});
    }
    std::string file(std::string const& name, std::string const& content) const {
        auto const path = folder_ / name;
        std::ofstream{path, std::ios::binary} << content;
        return path.string();
    }
    tests::command_result import(std::vector<std::string> words) const {
        words.insert(words.begin(), "import");
        return tests::run_tallyd(binary, words, environment_);
    }
    std::string one(std::string_view sql) const { return query_one(connection_, sql); }
    void expect_sums(std::string const& sum) const {
        EXPECT_THAT(four_sums(connection_), Each(sum));
    }

    std::string connection_;
    std::map<std::string, std::string> environment_;
    std::filesystem::path folder_;
};

TEST_F(ingest_end_to_end, three_formats_in_exact_rows_costs_usage_and_balances_out) {
    auto const daemon = start();
    EXPECT_EQ(push(*daemon, canonical(1, 1, "4420", 70) + canonical(2, 2, "9198", 30)).status,
              200U);
    EXPECT_EQ(push(*daemon,
                   freeswitch("f0000000-0000-4000-8000-000000000001", "ACC-3", "12125550100", 61),
                   "/v1/cdrs/freeswitch?ack=commit&uuid=f0000000-0000-4000-8000-000000000001")
                      .status /
                  100,
              2U);
    auto const imported =
        import({file("Master.csv", asterisk(1, "ACC-4", "4420", 33)), "--format", "asterisk"});
    EXPECT_EQ(imported.exit_code, 0) << imported.out;

    EXPECT_EQ(
        query_rows(connection_,
                   "SELECT account_number, caller_id, destination, direction, duration, billsec, "
                   "billed_seconds, allowance_seconds, cost, to_char(start_time AT TIME ZONE "
                   "'UTC', 'HH24:MI:SS') FROM cdrs JOIN accounts ON accounts.id = account_id "
                   "ORDER BY account_number"),
        (std::vector<std::string>{"ACC-1|1001|4420|outbound|70|70|72|0|1.940000000|10:00:00",
                                  "ACC-2|1001|9198|outbound|30|30|30|30|0.000000000|10:00:00",
                                  "ACC-3|1001|12125550100|outbound|63|61|61|0|0.610000000|10:00:00",
                                  "ACC-4|1001|4420|outbound|33|33|60|0|1.700000000|11:00:10"}));
    expect_sums("4.250000000");
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "0");
}

TEST_F(ingest_end_to_end, the_same_input_again_changes_nothing) {
    auto const daemon = start();
    std::string body;
    for (int i = 0; i < 300; ++i) {
        body += canonical(i, 1 + i % 5, i % 2 == 0 ? "4420" : "9198", i % 200);
    }
    auto const csv =
        file("Master.csv", asterisk(1, "ACC-4", "4420", 33) + asterisk(2, "ACC-9", "4420", 33));
    push(*daemon, body);
    import({csv, "--format", "asterisk"});
    auto const sums = four_sums(connection_);
    auto const usage =
        one("SELECT sum(version) || '/' || sum(seconds_used) FROM subscription_usage");

    auto const again = push(*daemon, body);
    import({csv, "--format", "asterisk"});
    import({csv, "--format", "asterisk", "--force"});
    daemon_process other{binary, environment_};
    EXPECT_TRUE(other.wait_ready());
    push(other, body);

    EXPECT_THAT(again.body, HasSubstr("\"duplicate\":300"));
    EXPECT_EQ(four_sums(connection_), sums);
    EXPECT_EQ(one("SELECT sum(version) || '/' || sum(seconds_used) FROM subscription_usage"),
              usage);
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "301");
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "1");
}

TEST_F(ingest_end_to_end, bad_records_are_answered_one_by_one_and_the_good_are_stored) {
    auto const daemon = start();
    auto const answer = push(*daemon, canonical(1, 1, "4420", 60) + "{\"uuid\":\n" +
                                          R"({"uuid":"c0000000-0000-4000-8000-000000000009"})"
                                          "\n" +
                                          canonical(2, 1, "4420", 60));

    EXPECT_EQ(answer.status, 200U);
    EXPECT_THAT(answer.body, HasSubstr(R"("received":4,"accepted":2,"rejected":2)"));
    EXPECT_THAT(answer.body, HasSubstr(R"("index":1)"));
    EXPECT_THAT(answer.body, HasSubstr(R"("missing_field")"));
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "2");
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "0");
    expect_sums("3.400000000");
}

TEST_F(ingest_end_to_end, what_a_switch_sends_is_taken_and_waits_in_suspense_when_unreadable) {
    auto const daemon = start();
    for (int i = 0; i < 2; ++i) {
        auto const answer =
            push(*daemon, R"({"variables":{"uuid":broken)", "/v1/cdrs/freeswitch?ack=commit");
        EXPECT_EQ(answer.status / 100, 2U);
    }
    EXPECT_EQ(one("SELECT count(*) FROM suspense"), "1");
    EXPECT_EQ(one("SELECT convert_from(payload, 'UTF8') FROM suspense"),
              R"({"variables":{"uuid":broken)");
}

TEST_F(ingest_end_to_end, two_daemons_on_one_database_give_the_same_totals_as_one) {
    auto const a = start();
    auto const b = start();
    std::vector<std::jthread> senders;
    senders.reserve(4);
    for (int sender = 0; sender < 4; ++sender) {
        senders.emplace_back([&, sender] {
            auto const& daemon = sender % 2 == 0 ? *a : *b;
            for (int round = 0; round < 25; ++round) {
                std::string body;
                for (int i = 0; i < 20; ++i) {
                    // Senders 0 and 1 send the same calls, and so do 2 and 3.
                    int const number = (sender / 2) * 100'000 + round * 20 + i;
                    body += canonical(number, 1 + number % 5, number % 3 == 0 ? "4420" : "9198", 7);
                }
                EXPECT_EQ(push(daemon, body).status, 200U);
            }
        });
    }
    for (auto& sender : senders) {
        sender.join();
    }
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "1000");
    // Each account has 600 included seconds; the call of 7 s that exceeds them is split.
    EXPECT_EQ(one("SELECT string_agg(DISTINCT (included_seconds_used <= 600)::text, ' ') "
                  "FROM subscription_usage"),
              "true");
    auto const drawn = one("SELECT sum(allowance_seconds) FROM cdrs");
    EXPECT_EQ(one("SELECT sum(included_seconds_used) FROM subscription_usage"), drawn);
    EXPECT_EQ(four_sums(connection_)[0], four_sums(connection_)[1]);
    EXPECT_THAT(four_sums(connection_), Each(four_sums(connection_)[0]));
}

TEST_F(ingest_end_to_end, a_new_did_is_known_without_a_restart) {
    auto const daemon = start();
    tests::execute(connection_, "UPDATE billing.dids SET did_number = '+447700900123' "
                                "WHERE did_number = '+" +
                                    tests::did_of(1) + "'");
    auto const inbound = [](int number) {
        return tests::call_json{number}
            .without("account_number")
            .with("direction", "inbound")
            .with("destination", "+447700900123")
            .lasting(1'777'888'800, 60)
            .line();
    };
    bool stored = false;
    for (int i = 0; i < 200 && !stored; ++i) {
        push(*daemon, inbound(i));
        stored = one("SELECT count(*) > 0 FROM cdrs") == "t";
        std::this_thread::sleep_for(std::chrono::milliseconds{25});
    }
    EXPECT_TRUE(stored) << daemon->log();
}

TEST_F(ingest_end_to_end, sigterm_drains_and_exits_0) {
    auto const daemon = start();
    push(*daemon, canonical(1, 1, "4420", 60));
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_THAT(daemon->log(), HasSubstr("event=drained complete=yes"));
}

TEST_F(ingest_end_to_end, after_kill_9_the_sender_repeats_and_every_call_is_there_once) {
    std::string body;
    for (int i = 0; i < 2000; ++i) {
        body += canonical(i, 1 + i % 5, "4420", 60);
    }
    {
        auto const daemon = start();
        std::jthread sender{[&] {
            try {
                push(*daemon, body);
            } catch (std::exception const&) {
                // the daemon was killed during the request
            }
        }};
        std::this_thread::sleep_for(std::chrono::milliseconds{15});
        daemon->send(SIGKILL);
        sender.join();
    }
    auto const daemon = start();
    EXPECT_EQ(push(*daemon, body).status, 200U);
    EXPECT_EQ(one("SELECT count(*) FROM cdrs"), "2000");
    expect_sums("3400.000000000");
}

TEST_F(ingest_end_to_end, metrics_add_up_at_a_quiet_moment) {
    auto const daemon = start();
    push(*daemon, canonical(1, 1, "4420", 60) + canonical(1, 1, "4420", 60) +
                      canonical(2, 99, "4420", 60) + "{\"uuid\":\n");
    auto const text = tests::http_request(daemon->admin_port(), "GET", "/metrics").body;

    EXPECT_THAT(text, HasSubstr("tally_records_accepted_total 3"));
    EXPECT_THAT(text, HasSubstr("tally_records_rejected_total{reason=\"not_json\"} 1"));
    EXPECT_THAT(text, HasSubstr("tally_records_duplicate_total 1"));
    EXPECT_THAT(text, HasSubstr("tally_records_committed_total{kind=\"cdr\"} 1"));
    EXPECT_THAT(text, HasSubstr("tally_records_suspended_total{reason=\"unknown_account\"} 1"));
}

TEST_F(ingest_end_to_end, sighup_reads_the_settings_again) {
    auto const daemon = start();
    daemon->send(SIGHUP);
    for (int i = 0; i < 100 && daemon->log().find("event=settings_read") == std::string::npos;
         ++i) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    EXPECT_THAT(daemon->log(), HasSubstr("event=settings_read"));
    EXPECT_EQ(push(*daemon, canonical(1, 1, "4420", 60)).status, 200U);
}

} // namespace
} // namespace tally
