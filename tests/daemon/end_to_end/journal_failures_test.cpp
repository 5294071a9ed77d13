#include "tests/daemon/end_to_end/journal_end_to_end.hpp"

#include <csignal>
#include <fstream>
#include <gmock/gmock.h>
#include <thread>

// The journal while a part fails or hangs: no record is dropped unnoticed.

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

class journal_failures : public tests::journal_end_to_end {
  protected:
    /// Waits until the database's position of the only stream is this one.
    bool wait_position(int wanted) const {
        auto const sql = "SELECT coalesce(max(position), 0) = " + std::to_string(wanted) +
                         " FROM ingest.positions";
        for (int tries = 0; tries < 400; ++tries) {
            if (query_one(connection_, sql) == "t") {
                return true;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds{50});
        }
        return false;
    }
};

// All records of a segment may be stored when the next one is opened.
TEST_F(journal_failures, goes_on_over_roll_overs_between_which_nothing_is_under_way) {
    environment_["TALLYD_JOURNAL_MAX_BYTES"] = "1MiB"; // segments of 128 KiB
    auto const daemon = start();
    int sent = 0;
    for (int pushes = 0; pushes < 12; ++pushes, sent += 300) {
        ASSERT_EQ(push(*daemon, calls(sent, sent + 300)), 202U);
        ASSERT_EQ(wait_stored(std::to_string(sent + 300)), std::to_string(sent + 300));
    }
    ASSERT_EQ(push(*daemon, calls(sent, sent + 300)), 202U);
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_EQ(stored(), std::to_string(sent + 300));
    EXPECT_TRUE(segments().empty());
}

TEST_F(journal_failures, keeps_every_one_of_very_many_small_pushes) {
    environment_["TALLYD_LANES"] = "1";
    auto const daemon = start();
    auto held = std::make_unique<blockade>(connection_);
    constexpr int senders = 8;
    constexpr int each = 9000;
    std::atomic<std::size_t> acknowledged{0};
    {
        std::vector<std::jthread> threads;
        for (int sender = 0; sender < senders; ++sender) {
            threads.emplace_back([&, sender] {
                std::vector<std::string> bodies;
                for (int i = sender * each; i < (sender + 1) * each; ++i) {
                    bodies.push_back(call(i));
                }
                acknowledged += tests::http_post_each(daemon->http_port(), "/v1/cdrs", bodies, 202);
            });
        }
    }
    EXPECT_EQ(acknowledged, static_cast<std::size_t>(senders * each));
    held.reset();
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_EQ(stored(), std::to_string(senders * each));
    EXPECT_TRUE(segments().empty());
}

// Damage that appears while the daemon runs must not be taken for the end of the stream.
TEST_F(journal_failures, a_reader_that_cannot_go_on_ends_the_daemon_with_a_code_of_its_own) {
    environment_["TALLYD_LANE_MEMORY_BYTES_MAX"] = "1MiB"; // so that the reader lags
    auto const daemon = start();
    auto held = std::make_unique<blockade>(connection_);
    constexpr int pushes = 60;
    for (int i = 0; i < pushes; ++i) {
        ASSERT_EQ(push(*daemon, calls(i * 100, i * 100 + 100)), 202U);
    }
    auto const shows_its_age = [&daemon] {
        auto const body = tests::http_request(daemon->admin_port(), "GET", "/metrics").body;
        return body.find("\ntally_journal_oldest_seconds 0") == std::string::npos;
    };
    for (int tries = 0; tries < 200 && !shows_its_age(); ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    EXPECT_TRUE(shows_its_age());
    {
        std::fstream file{segments().at(0), std::ios::binary | std::ios::in | std::ios::out};
        file.seekp(static_cast<std::streamoff>(pushes - 1) * 100 *
                   static_cast<int>(call(0).size()));
        file.write("~~~~~~~~", 8).flush();
    }
    held.reset();
    EXPECT_EQ(daemon->wait(), 70);
    EXPECT_THAT(daemon->log(), HasSubstr("event=internal_failure part=journal_feeder"));
    EXPECT_FALSE(segments().empty());
    auto const refused = tests::run_tallyd(binary, {"run"}, environment_);
    EXPECT_EQ(refused.exit_code, 70);
    EXPECT_THAT(refused.out, HasSubstr("--skip-journal-damage"));
}

// The whole database goes back to an earlier state, as with a standby that lagged. The stored
// records are still in the journal.
TEST_F(journal_failures, a_database_that_went_back_in_time_is_filled_again_by_the_same_daemon) {
    environment_["TALLYD_JOURNAL_RETAIN_S"] = "3600";
    auto const daemon = start();
    ASSERT_EQ(push(*daemon, calls(0, 50), "/v1/cdrs?ack=commit"), 200U);
    ASSERT_TRUE(wait_position(50));
    auto& server = tests::private_postgres::shared();
    auto const earlier = server.copy_database(connection_);
    ASSERT_EQ(push(*daemon, calls(50, 100), "/v1/cdrs?ack=commit"), 200U);
    ASSERT_TRUE(wait_position(100));
    server.replace_database(connection_, earlier);

    EXPECT_EQ(wait_stored("100"), "100") << "without a new push";
    ASSERT_EQ(push(*daemon, calls(100, 150), "/v1/cdrs?ack=commit"), 200U);
    EXPECT_EQ(stored(), "150");
    EXPECT_THAT(daemon->log(), HasSubstr("event=database_went_back"));
    daemon->send(SIGTERM);
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_THAT(daemon->log(), HasSubstr("event=drained complete=yes"));
    EXPECT_THAT(four_sums(connection_), Each("255.000000000"));
    EXPECT_EQ(query_one(connection_, "SELECT count(*) FROM suspense"), "0");
}

// Nothing is kept of what is stored, so the records are nowhere: the daemon says which.
TEST_F(journal_failures, a_database_that_went_back_beyond_the_journal_lacks_records_by_name) {
    environment_["TALLYD_JOURNAL_MAX_BYTES"] = "1MiB"; // segments of 128 KiB
    auto const daemon = start();
    ASSERT_EQ(push(*daemon, calls(0, 300), "/v1/cdrs?ack=commit"), 200U);
    ASSERT_TRUE(wait_position(300));
    auto& server = tests::private_postgres::shared();
    auto const earlier = server.copy_database(connection_);
    for (int sent = 300; sent < 2100; sent += 300) {
        ASSERT_EQ(push(*daemon, calls(sent, sent + 300), "/v1/cdrs?ack=commit"), 200U);
    }
    ASSERT_TRUE(wait_position(2100));
    for (int tries = 0; tries < 200 && segments().size() > 1; ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    server.replace_database(connection_, earlier);

    auto const names_the_records = [&daemon] {
        return daemon->log().find("event=journal_records_missing") != std::string::npos;
    };
    for (int tries = 0; tries < 400 && !names_the_records(); ++tries) {
        std::this_thread::sleep_for(std::chrono::milliseconds{50});
    }
    EXPECT_THAT(daemon->log(), HasSubstr("event=database_went_back"));
    EXPECT_THAT(daemon->log(), HasSubstr(" records=300-"));
    EXPECT_EQ(push(*daemon, calls(2100, 2150), "/v1/cdrs?ack=commit"), 200U) << "it goes on";
    EXPECT_EQ(query_one(connection_, "SELECT position FROM ingest.positions"), "300")
        << "until an operator settles it";
}

TEST_F(journal_failures, does_not_go_on_over_damage_until_somebody_says_so) {
    {
        auto const daemon = start();
        blockade const held{connection_};
        ASSERT_EQ(push(*daemon, calls(0, 10)), 202U);
        ASSERT_EQ(push(*daemon, calls(10, 20)), 202U);
        daemon->send(SIGKILL);
        daemon->wait();
    }
    ASSERT_EQ(segments().size(), 1U);
    std::fstream file{segments()[0], std::ios::binary | std::ios::in | std::ios::out};
    file.seekp(300);
    file.put('~').flush();

    auto const refused = tests::run_tallyd(binary, {"run"}, environment_);
    EXPECT_EQ(refused.exit_code, 70);
    EXPECT_THAT(refused.out, HasSubstr("the journal holds acknowledged records that are damaged"));
    EXPECT_THAT(refused.out, HasSubstr(segments()[0].string() + ": bytes 64 to "));
    EXPECT_THAT(refused.out, HasSubstr("records 0 to 10 "));
    EXPECT_THAT(refused.out, HasSubstr("--skip-journal-damage"));
    EXPECT_EQ(stored(), "0");

    daemon_process const daemon{binary, environment_, {"run", "--skip-journal-damage"}};
    EXPECT_EQ(wait_stored("10"), "10");
    EXPECT_EQ(query_one(connection_, "SELECT min(right(uuid::text, 2)) FROM cdrs"), "10");
}

} // namespace
} // namespace tally
