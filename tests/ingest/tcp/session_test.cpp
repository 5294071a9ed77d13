#include "tests/ingest/formats/decoder_helpers.hpp"
#include "tests/ingest/http/test_client.hpp"
#include "tests/ingest/http/test_server.hpp"
#include "tests/ingest/push/test_sink.hpp"

#include "ingest/tcp/server.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

// Connections of the TCP endpoint over real sockets: deadlines, and the cost of a peer that does
// not read.

namespace tally::tests {
namespace {

using std::chrono::milliseconds;

/// Timeouts that a test waits for are short; all others are far longer than a test.
constexpr milliseconds soon{100};
constexpr milliseconds never{3'600'000};

/// A TCP server on a free loopback port with two threads of its own; stopped properly.
class tcp_test_server {
  public:
    explicit tcp_test_server(ingest::tcp_server_settings settings)
        : server_{
              ingest::make_tcp_server(context_, sink, {observer, observer}, std::move(settings))} {
        EXPECT_EQ(server_->start(), "");
        for (int i = 0; i < 2; ++i) {
            threads_.emplace_back([this] { context_.run(); });
        }
    }
    ~tcp_test_server() {
        server_->drain(milliseconds{0});
        work_.reset();
        for (auto& thread : threads_) {
            thread.join();
        }
    }
    [[nodiscard]] std::uint16_t port() const { return server_->port(); }
    [[nodiscard]] std::size_t connections() const { return server_->connections(); }

    push_test_sink sink;
    recording_observer observer;

  private:
    boost::asio::io_context context_;
    boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_{
        context_.get_executor()};
    std::unique_ptr<ingest::connection_server> server_;
    std::vector<std::jthread> threads_;
};

TEST(tcp_session, cuts_off_who_sends_bad_lines_and_never_reads_and_serves_others) {
    tcp_test_server server{{.listen = "127.0.0.1:0", .idle_timeout = never, .write_timeout = soon}};
    // Far more than the kernel holds in either direction.
    constexpr std::size_t pieces_max = 1'000;
    std::string bad;
    while (bad.size() < 40'000) {
        bad += "{\"pad\":\"" + std::string(40, 'x') + "\"}\n";
    }
    std::atomic<std::size_t> pieces{0};
    std::jthread deaf{[&] {
        http_test_client client{server.port()};
        while (pieces < pieces_max && client.send(bad)) {
            ++pieces;
        }
    }};
    http_test_client other{server.port()};
    std::string text;
    for (int number = 1; number <= 20; ++number) {
        ASSERT_TRUE(other.send(canonical() + "\n"));
        std::string const ack = "{\"ack\":" + std::to_string(number) + "}\n";
        ASSERT_EQ(other.read(ack.size()), ack);
    }
    deaf.join();
    EXPECT_LT(pieces, pieces_max) << "it could go on as long as it liked";
    EXPECT_TRUE(eventually([&] { return server.connections() == 1; }));
    // The errors that the kernel buffers (a few MiB), the limit, and one block: each error is
    // longer than fifty bytes.
    constexpr std::uint64_t answers_bytes_max = 32 * 1024 * 1024;
    EXPECT_LT(server.observer.sums().received, answers_bytes_max / 50);
    ASSERT_TRUE(other.send(canonical() + "\n"));
    EXPECT_EQ(other.read(11), "{\"ack\":21}\n");
}

TEST(tcp_session, lets_who_reads_late_but_in_time_go_on) {
    tcp_test_server server{
        {.listen = "127.0.0.1:0", .idle_timeout = never, .write_timeout = never}};
    constexpr std::uint64_t lines = 200'000; // their errors exceed all buffers and the limit
    http_test_client client{server.port()};
    std::jthread sender{[&] {
        std::string bad;
        for (std::uint64_t i = 0; i < lines; ++i) {
            bad += "{}\n";
        }
        EXPECT_TRUE(client.send(bad));
        client.finish_sending();
    }};
    // Reading is paused, nothing is refused: everything is answered once the peer reads.
    auto const text = client.read_to_end();
    EXPECT_EQ(std::count(text.begin(), text.end(), '{'), std::count(text.begin(), text.end(), '}'));
    EXPECT_TRUE(text.ends_with("{\"ack\":" + std::to_string(lines) + "}\n"));
    EXPECT_EQ(server.observer.sums().rejected, lines);
}

TEST(tcp_session, cuts_off_who_says_nothing) {
    tcp_test_server server{{.listen = "127.0.0.1:0", .idle_timeout = soon, .write_timeout = never}};
    http_test_client client{server.port()};
    EXPECT_TRUE(client.is_closed());
}

} // namespace
} // namespace tally::tests
