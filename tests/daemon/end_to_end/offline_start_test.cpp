#include "tests/daemon/end_to_end/journal_end_to_end.hpp"

#include <csignal>
#include <fstream>
#include <gmock/gmock.h>

// The daemon starts before its database.

namespace tally {
namespace {

using ::testing::Each;
using ::testing::HasSubstr;
using tests::calls;
using tests::daemon_process;
using tests::private_postgres;

class offline_start : public tests::journal_end_to_end {
  protected:
    ~offline_start() override { put_up(); }

    void take_down() {
        private_postgres::shared().stop();
        is_down_ = true;
    }
    void put_up() {
        if (std::exchange(is_down_, false)) {
            private_postgres::shared().start();
        }
    }
    /// One run that loads the catalog, and thereby the sources.
    void run_once() {
        auto const daemon = start();
        daemon->send(SIGTERM);
        ASSERT_EQ(daemon->wait(), 0);
    }
    static std::string readiness(daemon_process const& daemon) {
        return tests::http_request(daemon.admin_port(), "GET", "/readyz").body;
    }

    bool is_down_ = false;
};

TEST_F(offline_start, pushes_are_taken_by_the_sources_of_the_last_run_and_stored_once) {
    run_once();
    take_down();
    {
        auto const daemon = start();
        EXPECT_THAT(daemon->log(), HasSubstr("event=sources_from_cache sources=1"));
        ASSERT_EQ(push(*daemon, calls(0, 20)), 202U);
        daemon->send(SIGKILL);
        daemon->wait();
    }
    auto const daemon = start();
    ASSERT_EQ(push(*daemon, calls(20, 40)), 202U);
    ASSERT_EQ(push(*daemon, calls(0, 10)), 202U) << "sent again";
    put_up();
    EXPECT_EQ(wait_stored("40"), "40") << daemon->log();
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_EQ(stored(), "40");
    EXPECT_THAT(tests::four_sums(connection_), Each("68.000000000"));
}

TEST_F(offline_start, tokens_are_required_as_before) {
    auto const added = tests::run_tallyd(TALLY_BINARY, {"source", "add", "pbx"}, environment_);
    auto const begin = added.out.find("Bearer ") + 7;
    auto const token = added.out.substr(begin, added.out.find('\n', begin) - begin);
    run_once();
    take_down();
    auto const daemon = start();
    EXPECT_EQ(push(*daemon, calls(0, 1)), 401U);
    auto const answer = tests::http_request(
        daemon->http_port(), "POST", "/v1/cdrs", calls(0, 1),
        {{"Content-Type", "application/x-ndjson"}, {"Authorization", "Bearer " + token}});
    EXPECT_EQ(answer.status, 202U) << answer.body;
}

TEST_F(offline_start, without_known_sources_nothing_is_taken_until_the_database_comes) {
    take_down();
    auto const daemon = std::make_unique<daemon_process>(TALLY_BINARY, environment_);
    EXPECT_THAT(readiness(*daemon), HasSubstr(R"("reasons":["catalog_not_loaded"])"));
    EXPECT_EQ(push(*daemon, calls(0, 1)), 503U);
    put_up();
    EXPECT_TRUE(daemon->wait_ready()) << daemon->log();
    EXPECT_EQ(push(*daemon, calls(0, 1), "/v1/cdrs?ack=commit"), 200U);
}

TEST_F(offline_start, an_unreadable_cache_is_ignored) {
    run_once();
    std::ofstream{folder_ / "journal" / "sources.cache", std::ios::app} << "?";
    take_down();
    daemon_process const daemon{TALLY_BINARY, environment_};
    EXPECT_THAT(daemon.log(), HasSubstr("event=sources_cache_ignored"));
    EXPECT_THAT(readiness(daemon), HasSubstr("catalog_not_loaded"));
}

TEST_F(offline_start, a_stop_does_not_wait_for_a_database_that_never_came) {
    run_once();
    take_down();
    auto const daemon = start();
    ASSERT_EQ(push(*daemon, calls(0, 20)), 202U);
    while (daemon->log().find("event=database_not_reached") == std::string::npos) {
        std::this_thread::sleep_for(std::chrono::milliseconds{20});
    }
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_THAT(daemon->log(), HasSubstr("event=drained complete=no"));
    put_up();
    auto const next = start();
    EXPECT_EQ(wait_stored("20"), "20") << next->log();
}

// Lanes, journal and the other listeners work by then, and records of an earlier run are fed.
TEST_F(offline_start, a_port_that_is_taken_ends_a_daemon_that_has_begun_to_work) {
    auto const other = start();
    auto environment = environment_;
    environment["TALLYD_HTTP_LISTEN"] = "127.0.0.1:0";
    environment["TALLYD_ADMIN_LISTEN"] = "127.0.0.1:" + std::to_string(other->admin_port());
    environment["TALLYD_JOURNAL_DIR"] = (folder_ / "second").string();
    for (int i = 0; i < 5; ++i) {
        auto const refused =
            tests::run_tallyd_for(std::chrono::seconds{30}, TALLY_BINARY, {"run"}, environment);
        EXPECT_EQ(refused.exit_code, 1) << refused.out;
        EXPECT_THAT(refused.out, HasSubstr("event=cannot_listen endpoint=admin"));
    }
}

TEST_F(offline_start, a_schema_that_is_too_old_ends_the_daemon) {
    run_once(); // so that it takes pushes before it knows the schema
    environment_["TALLYD_DATABASE_URL"] = private_postgres::shared().empty_database();
    auto const refused =
        tests::run_tallyd_for(std::chrono::seconds{30}, TALLY_BINARY, {"run"}, environment_);
    EXPECT_EQ(refused.exit_code, 1);
    EXPECT_THAT(refused.out, HasSubstr("event=schema_refused"));
    EXPECT_THAT(refused.out, HasSubstr("run tallyd migrate up"));
}

} // namespace
} // namespace tally
