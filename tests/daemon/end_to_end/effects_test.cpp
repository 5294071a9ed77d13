#include "storage/postgres/sql_session.hpp"
#include "tests/daemon/end_to_end/story_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/effects.hpp"

#include <gmock/gmock.h>

#include <chrono>
#include <csignal>
#include <fstream>
#include <thread>

// Effects of events beside the calls of a real daemon, and over its end.

namespace tally {
namespace {

using testing::HasSubstr;

class effects : public tests::story_fixture {
  protected:
    effects() {
        tests::make_telecom(database, 1);
        sql("INSERT INTO licensing.licenses (key, product, plan, status, seats_total, dba,"
            " sms_purchased, sms_balance) VALUES"
            " ('SALON-1', 'Salon', 'Premium', 'active', 5, 'Curl', 100, 100)");
        restart(); // loads the accounts
    }
    void restart() {
        daemon.reset();
        daemon = std::make_unique<tests::daemon_process>(TALLY_BINARY, environment);
        EXPECT_TRUE(daemon->wait_ready()) << daemon->log();
    }
    tests::event_json sent(int quantity) {
        return event("license.sms.sent", "2026-05-04T09:00:00Z")
            .with("subject", "SALON-1")
            .data(tests::json_object{}.with("quantity", quantity));
    }
    /// Pushes events and returns when they are committed, whatever becomes of their effects.
    void commit(std::string const& lines) const {
        auto const answer =
            tests::http_request(daemon->http_port(), "POST", "/v1/events?ack=commit", lines,
                                {{"Content-Type", "application/x-ndjson"}});
        EXPECT_EQ(answer.status, 200U) << answer.body << daemon->log();
    }
    /// Pushes a call; how long its commit took.
    std::chrono::milliseconds call(int number) const {
        auto const began = std::chrono::steady_clock::now();
        auto const body =
            tests::call_json{number}.with("destination", "1212").lasting(1'777'888'800, 60).text();
        auto const answer =
            tests::http_request(daemon->http_port(), "POST", "/v1/cdrs?ack=commit", body);
        EXPECT_EQ(answer.status, 200U) << answer.body;
        EXPECT_THAT(answer.body, HasSubstr(R"("committed":1)"));
        return std::chrono::duration_cast<std::chrono::milliseconds>(
            std::chrono::steady_clock::now() - began);
    }
    [[nodiscard]] std::string balance() const {
        return ask("SELECT sms_balance FROM licensing.licenses");
    }
    [[nodiscard]] std::string metrics() const {
        return tests::http_request(daemon->admin_port(), "GET", "/metrics").body;
    }
    void expect_metric(std::string const& line) const {
        for (int i = 0; i < 1000 && metrics().find(line + "\n") == std::string::npos; ++i) {
            std::this_thread::sleep_for(std::chrono::milliseconds{20});
        }
        EXPECT_THAT(metrics(), HasSubstr(line + "\n"));
    }
};

TEST_F(effects, that_cannot_be_applied_yet_hold_up_nobody) {
    {
        storage::sql_session other{database, "test"};
        storage::sql_transaction const holding{other};
        other.execute("SELECT FROM licensing.licenses FOR UPDATE");
        commit(sent(60).text());
        EXPECT_LT(call(1), std::chrono::seconds{5});
        EXPECT_LT(call(2), std::chrono::seconds{5});
        EXPECT_EQ(ask("SELECT count(*) FROM ingest.effect_queue"), "1");
        EXPECT_EQ(balance(), "100");
    }
    EXPECT_TRUE(tests::wait_for_effects(database)) << daemon->log();
    EXPECT_EQ(balance(), "40");
    expect_metric("tally_effects_total{outcome=\"applied\"} 1");
    expect_metric("tally_effects_pending 0");
}

TEST_F(effects, that_a_check_refuses_hold_up_no_call) {
    sql("ALTER TABLE licensing.license_audit_events ADD CONSTRAINT odd CHECK (type <> "
        "'license.odd')");
    std::string lines;
    for (int i = 0; i < 800; ++i) {
        lines += event("license.odd", "2026-05-04T09:00:00Z")
                     .with("subject", "SALON-1")
                     .data("{}")
                     .line();
    }
    auto const before = daemon->log().size();
    commit(lines);
    EXPECT_LT(call(1), std::chrono::seconds{5});
    EXPECT_TRUE(tests::wait_for_effects(database)) << daemon->log();
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.suspense WHERE reason = 'database_refused'"), "800");
    EXPECT_LT(daemon->log().size() - before, 10'000U);
    expect_metric("tally_effects_total{outcome=\"suspended\"} 800");
}

TEST_F(effects, of_a_daemon_that_was_killed_are_applied_once_by_the_next) {
    auto const first = sent(60).text();
    {
        storage::sql_session other{database, "test"};
        storage::sql_transaction const holding{other};
        other.execute("SELECT FROM licensing.licenses FOR UPDATE");
        commit(first); // its effect waits for the lock
        daemon->send(SIGKILL);
        daemon->wait();
    }
    restart();
    EXPECT_TRUE(tests::wait_for_effects(database)) << daemon->log();
    EXPECT_EQ(balance(), "40");
    commit(first);
    EXPECT_TRUE(tests::wait_for_effects(database));
    EXPECT_EQ(balance(), "40");
    EXPECT_EQ(ask("SELECT count(*) FROM licensing.license_audit_events"), "1");
}

TEST_F(effects, of_what_was_acknowledged_are_applied_before_a_daemon_stops) {
    std::string lines;
    for (int i = 0; i < 80; ++i) {
        lines += sent(1).line();
    }
    auto const answer = tests::http_request(daemon->http_port(), "POST", "/v1/events", lines,
                                            {{"Content-Type", "application/x-ndjson"}});
    EXPECT_EQ(answer.status, 202U) << answer.body;
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0) << daemon->log();
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.effect_queue"), "0");
    EXPECT_EQ(balance(), "20");
}

TEST_F(effects, that_fail_again_count_one_attempt_for_each_retry) {
    commit(sent(101).text());
    EXPECT_TRUE(tests::wait_for_effects(database));
    EXPECT_EQ(ask("SELECT reason || ' ' || attempts FROM ingest.suspense"), "not_enough_credits 1");
    auto const retried = tallyd({"suspense", "retry"});
    EXPECT_THAT(retried.out, HasSubstr("0 stored + 0 already stored + 1 still waiting"));
    EXPECT_EQ(ask("SELECT reason || ' ' || attempts || ' ' || state FROM ingest.suspense"),
              "not_enough_credits 2 waiting");
    sql("UPDATE licensing.licenses SET sms_balance = 200");
    EXPECT_THAT(tallyd({"suspense", "retry"}).out, HasSubstr("1 stored"));
    EXPECT_EQ(balance(), "99");
    EXPECT_EQ(ask("SELECT attempts || ' ' || state FROM ingest.suspense"), "3 resolved");
}

TEST_F(effects, of_an_imported_file_need_no_daemon) {
    daemon.reset();
    auto const path = std::string{::testing::TempDir()} + "effects-of-import.ndjson";
    std::ofstream{path} << sent(60).line() << sent(60).line();
    auto const done = tallyd({"import", path, "--format", "cloudevents"});
    std::remove(path.c_str());
    EXPECT_EQ(done.exit_code, 0) << done.out;
    EXPECT_EQ(balance(), "40");
    EXPECT_EQ(ask("SELECT reason FROM ingest.suspense"), "not_enough_credits");
}

} // namespace
} // namespace tally
