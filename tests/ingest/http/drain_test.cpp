#include "tests/ingest/http/test_client.hpp"
#include "tests/ingest/http/test_handler.hpp"
#include "tests/ingest/http/test_server.hpp"

#include <future>
#include <stdexcept>
#include <thread>

#include <boost/asio/io_context.hpp>
#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds never{3'600'000};
constexpr milliseconds long_enough = http_test_client::patience;

struct http_drain : testing::Test {
    bool refuses_connections() {
        try {
            http_test_client const refused{server.port()};
            return false;
        } catch (std::runtime_error const&) {
            return true;
        }
    }

    echo_handler handler;
    http_test_server server{
        handler, {.read_timeout = never, .idle_timeout = never, .answer_timeout = never}};
};

TEST_F(http_drain, closes_idle_connections_and_takes_no_new_ones) {
    http_test_client idle{server.port()};
    idle.send(post("/echo", "x"));
    ASSERT_TRUE(idle.read_answer());
    EXPECT_TRUE(server.server().drain(long_enough));
    EXPECT_TRUE(idle.is_closed());
    EXPECT_EQ(server.server().connections(), 0u);
    EXPECT_TRUE(refuses_connections());
    EXPECT_TRUE(server.server().drain(long_enough));
}

TEST_F(http_drain, lets_requests_under_way_finish) {
    http_test_client waiting{server.port()};
    waiting.send(post("/hold", "taken"));
    http_test_client reading{server.port()};
    reading.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nha");
    ASSERT_TRUE(eventually([&] { return handler.held() == 1 && handler.alive() == 2; }));

    auto drained =
        std::async(std::launch::async, [&] { return server.server().drain(long_enough); });
    ASSERT_TRUE(eventually([&] { return refuses_connections(); }));
    reading.send("lf");
    auto const read = reading.read_answer();
    EXPECT_EQ(read->body, "half");
    EXPECT_EQ(read->field("connection"), "close");
    handler.release_all();
    auto const answer = waiting.read_answer();
    EXPECT_EQ(answer->body, "taken");
    EXPECT_EQ(answer->field("connection"), "close");
    waiting.finish_sending();
    reading.finish_sending();
    EXPECT_TRUE(drained.get());
}

TEST_F(http_drain, cuts_off_what_does_not_finish) {
    http_test_client stuck{server.port()};
    stuck.send(post("/never", "x"));
    http_test_client stalled{server.port()};
    stalled.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\n");
    ASSERT_TRUE(eventually([&] { return handler.held() == 1 && handler.alive() == 2; }));
    EXPECT_FALSE(server.server().drain(milliseconds{20}));
    EXPECT_EQ(server.server().connections(), 0u);
    EXPECT_EQ(handler.alive(), 0);
    EXPECT_TRUE(stuck.is_closed());
    EXPECT_TRUE(stalled.is_closed());
    handler.release_all(); // replies to connections that have gone do nothing
}

TEST(http_drain_unstarted, is_done_at_once) {
    echo_handler handler;
    recording_observer observer;
    boost::asio::io_context context;
    auto const server =
        ingest::make_http_server(context, handler, observer, {.listen = "127.0.0.1:0"});
    EXPECT_TRUE(server->drain(long_enough));
}

TEST(http_reply, does_nothing_after_server_and_context_have_gone) {
    echo_handler handler;
    {
        http_test_server server{handler, {.answer_timeout = never}};
        http_test_client client{server.port()};
        client.send(post("/never", "x"));
        ASSERT_TRUE(eventually([&] { return handler.held() == 1; }));
    }
    handler.release_all();
    EXPECT_EQ(handler.held(), 0u);
}

} // namespace
} // namespace tally::tests
