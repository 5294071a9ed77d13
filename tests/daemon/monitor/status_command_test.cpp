#include "daemon/monitor/admin_handler.hpp"
#include "daemon/monitor/metrics.hpp"
#include "ingest/http/server.hpp"
#include "tests/support/daemon_process.hpp"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

using namespace tally;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

namespace {

/// Serves a handler on a free loopback port during its lifetime.
class served {
  public:
    explicit served(ingest::http_handler& handler)
        : server_{
              ingest::make_http_server(context_, handler, counters_, {.listen = "127.0.0.1:0"})} {
        EXPECT_EQ(server_->start(), "");
        thread_ = std::jthread{[this] { context_.run(); }};
    }
    ~served() {
        server_->drain(std::chrono::seconds{1});
        work_.reset();
        context_.stop();
        thread_.join();
    }
    served(served const&) = delete;
    served& operator=(served const&) = delete;

    [[nodiscard]] tests::command_result status(std::vector<std::string> words = {}) const {
        words.insert(words.begin(), "status");
        return tests::run_tallyd(
            TALLY_BINARY, words,
            {{"TALLYD_ADMIN_LISTEN", "127.0.0.1:" + std::to_string(server_->port())}});
    }

  private:
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()};
    daemon::metrics counters_;
    std::unique_ptr<ingest::connection_server> server_;
    std::jthread thread_;
};

daemon::daemon_status busy_daemon() {
    daemon::daemon_status now;
    now.database_reached = true;
    now.database_up = true;
    now.partition_horizon_s = 2 * 86'400 + 3 * 3'600;
    now.lanes = {{0, 1'234'567, std::nullopt}};
    now.subscriptions = 20'000;
    now.catalog_age_s = 61;
    now.journal_bytes = 130 << 20;
    now.journal_oldest_s = 2;
    now.journal_full = true;
    return now;
}

struct tallyd_status : testing::Test {
    daemon::metrics counters;
    daemon::daemon_status now = busy_daemon();
    daemon::admin_handler handler{counters, [this] { return now; }, "1.2.3"};
};

/// Another server on the port of a tallyd: answers every request with the same response.
class somebody_else final : public ingest::http_handler {
  public:
    somebody_else(unsigned status, std::string body) : status_{status}, body_{std::move(body)} {}
    ingest::http_step begin(ingest::http_head const&) override {
        ingest::http_response response;
        response.status = status_;
        response.content_type = "text/plain";
        response.body = body_;
        return response;
    }

  private:
    unsigned status_;
    std::string body_;
};

TEST_F(tallyd_status, shows_how_a_daemon_is_doing) {
    counters.records.received.add({"switch", "cdr"}, 5'000);
    auto const seen = served{handler}.status();
    EXPECT_EQ(seen.exit_code, 0) << seen.out;
    EXPECT_THAT(seen.out, ContainsRegex("^tallyd 1\\.2\\.3, up [01] s, NOT READY: journal_full\n"));
    EXPECT_THAT(seen.out, ContainsRegex("\ndatabase +up\n"));
    EXPECT_THAT(seen.out, ContainsRegex("\npartitions reach +2 d 3 h ahead\n"));
    EXPECT_THAT(seen.out, ContainsRegex("\njournal +130 MiB, oldest waits 2 s, FULL\n"));
    EXPECT_THAT(seen.out, ContainsRegex("\ncatalog read +1 min 1 s ago\n"));
    EXPECT_THAT(seen.out, ContainsRegex("\nsubscriptions +20,000\n"));
    EXPECT_THAT(seen.out, ContainsRegex("\nrecords received +5,000\n"));
    EXPECT_THAT(seen.out, ContainsRegex("\n0 +1,234,567 +none yet\n"));
}

TEST_F(tallyd_status, says_why_a_daemon_is_not_ready) {
    now.draining = true;
    now.database_up = false;
    now.database_detail = "connection refused\x1b[2J";
    auto const seen = served{handler}.status();
    EXPECT_EQ(seen.exit_code, 0) << seen.out;
    EXPECT_THAT(seen.out, HasSubstr("NOT READY: draining journal_full\n"));
    EXPECT_THAT(seen.out, HasSubstr("down: connection refused"));
    EXPECT_THAT(seen.out, Not(HasSubstr("\x1b")))
        << "control characters must not reach the terminal";
}

TEST_F(tallyd_status, gives_scripts_the_daemons_own_json) {
    auto const seen = served{handler}.status({"--json"});
    EXPECT_EQ(seen.exit_code, 0) << seen.out;
    EXPECT_THAT(seen.out, testing::StartsWith(R"({"version":"1.2.3","uptime_s":)"));
    EXPECT_THAT(seen.out, testing::EndsWith("}\n"));
    EXPECT_THAT(seen.out, HasSubstr(R"("subscriptions":20000)"));
}

TEST_F(tallyd_status, says_what_to_look_at_when_nobody_answers) {
    // A privileged port on which a test machine has no server.
    auto const seen =
        tests::run_tallyd(TALLY_BINARY, {"status"}, {{"TALLYD_ADMIN_LISTEN", "127.0.0.1:1"}});
    EXPECT_EQ(seen.exit_code, 1);
    EXPECT_THAT(seen.out, HasSubstr("no tallyd answers at 127.0.0.1:1 (Connection refused)"));
    EXPECT_THAT(seen.out, HasSubstr("tallyd run"));
}

TEST_F(tallyd_status, is_not_taken_in_by_somebody_else) {
    somebody_else not_found{404, "no such page"};
    auto const refused = served{not_found}.status();
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.out, HasSubstr("answers /status with 404: is it tallyd?"));
    for (auto const* body : {"", "hello", "[1,2]", "{\"version\":", "{\"a\":\"\xff\"}"}) {
        somebody_else other{200, body};
        auto const seen = served{other}.status();
        EXPECT_EQ(seen.exit_code, 1) << body;
        EXPECT_THAT(seen.out, HasSubstr("is not tallyd")) << body;
    }
}

TEST_F(tallyd_status, shows_what_a_daemon_of_another_version_does_not_say) {
    somebody_else older{200, R"({"version":"0.0.1","ready":true,"records":{"received":null}})"};
    auto const seen = served{older}.status();
    EXPECT_EQ(seen.exit_code, 0) << seen.out;
    EXPECT_THAT(seen.out, ContainsRegex("^tallyd 0\\.0\\.1, up -, ready\n"));
    EXPECT_THAT(seen.out, ContainsRegex("\nrecords received +-\n"));
}

} // namespace
