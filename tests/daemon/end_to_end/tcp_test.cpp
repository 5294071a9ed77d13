#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_json.hpp"
#include "tests/support/daemon_process.hpp"
#include "tests/support/http_client.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/slowness.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <csignal>
#include <filesystem>
#include <sys/socket.h>
#include <unistd.h>

// Records over TCP to the real binary.

namespace tally {
namespace {

using tests::daemon_process;
using tests::query_one;

std::string call(int number) {
    return tests::call_json{number}.account(1 + number % 3).lasting(1'777'888'800, 60).line();
}

/// A client that reads acks with a deadline.
class client {
  public:
    explicit client(std::uint16_t port) : socket_{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in target{};
        target.sin_family = AF_INET;
        target.sin_port = htons(port);
        target.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        timeval const limit{20, 0};
        ::setsockopt(socket_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof limit);
        EXPECT_EQ(::connect(socket_, reinterpret_cast<sockaddr*>(&target), sizeof target), 0);
    }
    ~client() { ::close(socket_); }
    client(client const&) = delete;
    client& operator=(client const&) = delete;

    /// Sends as much as the peer takes; false when the connection is closed.
    bool send(std::string_view bytes) {
        while (!bytes.empty()) {
            auto const sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
            if (sent <= 0) {
                return false;
            }
            bytes.remove_prefix(static_cast<std::size_t>(sent));
        }
        return true;
    }
    void end() { ::shutdown(socket_, SHUT_WR); }
    /// Reads until this ack, the end of the connection, or the deadline. Returns the last ack.
    std::uint64_t wait_ack(std::uint64_t wanted) {
        char buffer[4096];
        while (acked_ < wanted) {
            auto const got = ::recv(socket_, buffer, sizeof buffer, 0);
            if (got <= 0) {
                break;
            }
            text_.append(buffer, static_cast<std::size_t>(got));
            auto const last = text_.rfind("{\"ack\":");
            if (last != text_.npos && text_.find('\n', last) != text_.npos) {
                acked_ = std::stoull(text_.substr(last + 7));
            }
        }
        return acked_;
    }
    [[nodiscard]] std::string const& text() const noexcept { return text_; }

  private:
    int socket_;
    std::string text_;
    std::uint64_t acked_ = 0;
};

class tcp_end_to_end : public ::testing::Test {
  protected:
    tcp_end_to_end() : database{tests::private_postgres::shared().migrated_database()} {
        tests::make_telecom(database, 3);
        environment["TALLYD_DATABASE_URL"] = database;
        environment["TALLYD_TCP_LISTEN"] = "127.0.0.1:0";
        char folder[] = "/tmp/tallyd-tcp-XXXXXX";
        journal = ::mkdtemp(folder);
        environment["TALLYD_JOURNAL_DIR"] = journal + "/journal";
        start();
    }
    ~tcp_end_to_end() override { std::filesystem::remove_all(journal); }
    void start() {
        daemon.reset();
        daemon = std::make_unique<daemon_process>(TALLY_BINARY, environment);
        EXPECT_TRUE(daemon->wait_ready()) << daemon->log();
    }
    void expect_soon(std::string_view question, std::string const& answer) const {
        auto const deadline =
            std::chrono::steady_clock::now() + std::chrono::seconds{30} * tests::slowness;
        while (query_one(database, question) != answer &&
               std::chrono::steady_clock::now() < deadline) {
            ::usleep(20'000);
        }
        EXPECT_EQ(query_one(database, question), answer);
    }

    std::string database;
    std::string journal;
    std::map<std::string, std::string> environment;
    std::unique_ptr<daemon_process> daemon;
};

TEST_F(tcp_end_to_end, stores_what_it_acknowledges_and_tells_of_the_rest) {
    client target{daemon->tcp_port()};
    for (int i = 0; i < 3'000; ++i) {
        ASSERT_TRUE(target.send(i % 1'000 == 7 ? "{\"no\":\"call\"}\n" : call(i)));
    }
    EXPECT_EQ(target.wait_ack(3'000), 3'000U) << target.text();
    EXPECT_THAT(target.text(), ::testing::HasSubstr(R"("index":2007,"code":"missing_field")"));
    expect_soon("SELECT count(*) FROM billing.cdrs", "2997");
    auto const status = tests::http_request(daemon->admin_port(), "GET", "/status");
    EXPECT_THAT(status.body, ::testing::HasSubstr("\"tcp_connections\":1"));
}

TEST_F(tcp_end_to_end, goes_on_from_the_last_ack_after_kill_9_and_stores_each_once) {
    constexpr int records = 4'000;
    std::uint64_t begin = 0;
    for (int kills = 0; begin < records; ++kills) {
        client target{daemon->tcp_port()};
        std::uint64_t sent = begin;
        while (sent < records && (kills > 3 || sent < begin + 900)) {
            if (!target.send(call(static_cast<int>(sent)))) {
                break;
            }
            ++sent;
        }
        if (kills > 3) {
            begin += target.wait_ack(records - begin);
            break;
        }
        begin += target.wait_ack(300); // at least; more acks may be in flight
        daemon->send(SIGKILL);
        daemon->wait();
        start();
    }
    EXPECT_EQ(begin, records);
    expect_soon("SELECT count(*) FROM billing.cdrs", std::to_string(records));
    expect_soon("SELECT count(DISTINCT uuid) FROM billing.cdrs", std::to_string(records));
    EXPECT_THAT(tests::four_sums(database), ::testing::Each("6800.000000000"));
}

TEST_F(tcp_end_to_end, acknowledges_what_it_has_read_when_it_stops) {
    client target{daemon->tcp_port()};
    ASSERT_TRUE(target.send(call(1) + call(2)));
    EXPECT_EQ(target.wait_ack(2), 2U);
    ASSERT_TRUE(target.send(call(3) + "{\"half\":"));
    ::usleep(100'000);
    daemon->send(SIGTERM);
    EXPECT_EQ(target.wait_ack(9), 3U) << target.text();
    EXPECT_EQ(daemon->wait(), 0);
    EXPECT_EQ(query_one(database, "SELECT count(*) FROM billing.cdrs"), "3");
}

TEST_F(tcp_end_to_end, serves_others_while_one_does_not_read) {
    client deaf{daemon->tcp_port()};
    std::string const bad = std::string(200, '{') + "\n";
    for (int i = 0; i < 20'000; ++i) { // more error lines than the socket buffers hold
        if (!deaf.send(bad)) {
            break;
        }
        if (i == 5'000) {
            client other{daemon->tcp_port()};
            ASSERT_TRUE(other.send(call(1)));
            EXPECT_EQ(other.wait_ack(1), 1U);
            break;
        }
    }
}

} // namespace
} // namespace tally
