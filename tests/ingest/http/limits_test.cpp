#include "tests/ingest/http/test_client.hpp"
#include "tests/ingest/http/test_handler.hpp"
#include "tests/ingest/http/test_server.hpp"

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using std::chrono::milliseconds;

/// Timeouts that a test waits for are short; all others are far longer than a test.
constexpr milliseconds soon{60};
constexpr milliseconds never{3'600'000};

ingest::http_server_settings patient() {
    return {.read_timeout = never,
            .idle_timeout = never,
            .answer_timeout = never,
            .write_timeout = never};
}

TEST(http_limits, cuts_off_a_client_that_stalls_within_the_head) {
    echo_handler handler;
    auto settings = patient();
    settings.read_timeout = soon;
    http_test_server server{handler, settings};
    http_test_client client{server.port()};
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nX-Slow: ");
    EXPECT_EQ(client.read_answer()->status, 408);
    client.finish_sending();
    EXPECT_TRUE(client.is_closed());
}

TEST(http_limits, cuts_off_a_client_that_stalls_within_the_body) {
    echo_handler handler;
    auto settings = patient();
    settings.read_timeout = soon;
    http_test_server server{handler, settings};
    for (std::string const framing : {"Content-Length: 9", "Transfer-Encoding: chunked"}) {
        http_test_client client{server.port()};
        client.send("POST /echo HTTP/1.1\r\nHost: x\r\n" + framing + "\r\n\r\n5\r\n");
        EXPECT_EQ(client.read_answer()->status, 408);
    }
    EXPECT_TRUE(eventually([&] { return handler.alive() == 0; }));
    EXPECT_EQ(handler.bodies(), 0);
}

TEST(http_limits, trickling_does_not_move_the_deadline) {
    echo_handler handler;
    auto settings = patient();
    settings.read_timeout = soon;
    http_test_server server{handler, settings};
    http_test_client client{server.port()};
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\n");
    // Ends when the server has closed the connection. If each byte gave more time, it would not
    // end.
    EXPECT_TRUE(eventually([&] { return !client.send("x"); }));
    EXPECT_EQ(handler.bodies(), 0);
}

TEST(http_limits, closes_idle_connections_without_a_word) {
    echo_handler handler;
    auto settings = patient();
    settings.idle_timeout = soon;
    http_test_server server{handler, settings};
    http_test_client silent{server.port()};
    EXPECT_TRUE(silent.is_closed());
    http_test_client used{server.port()};
    used.send(post("/echo", "once"));
    EXPECT_EQ(used.read_answer()->body, "once");
    EXPECT_TRUE(used.is_closed());
}

TEST(http_limits, answers_for_a_handler_that_does_not) {
    echo_handler handler;
    auto settings = patient();
    settings.answer_timeout = soon;
    http_test_server server{handler, settings};
    http_test_client client{server.port()};
    client.send(post("/never", "x"));
    auto const answer = client.read_answer();
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->field("retry-after"), "3");
    // The late reply is ignored: the next response is that of the next request.
    client.send(post("/hold", "second"));
    ASSERT_TRUE(eventually([&] { return handler.held() == 2; }));
    handler.release_all();
    auto const second = client.read_answer();
    EXPECT_TRUE(second->body == "second" || second->status == 503) << second->body;
}

TEST(http_limits, cuts_off_a_client_that_does_not_read) {
    echo_handler handler;
    auto settings = patient();
    settings.write_timeout = soon;
    http_test_server server{handler, settings};
    http_test_client client{server.port()};
    std::string const request = post("/echo", std::string(900'000, 'x'));
    // Far more than the buffers of both sockets.
    for (int i = 0; i < 40 && client.send(request); ++i) {
    }
    EXPECT_TRUE(eventually([&] { return server.server().connections() == 0; }));
}

TEST(http_limits, refuses_a_head_that_is_too_large) {
    echo_handler handler;
    http_test_server server{handler, patient()};
    http_test_client fields{server.port()};
    fields.send("GET /direct HTTP/1.1\r\nHost: x\r\nX-Large: " + std::string(20'000, 'x'));
    EXPECT_EQ(fields.read_answer()->status, 431);
    http_test_client target{server.port()};
    target.send("GET /direct?" + std::string(20'000, 'x'));
    EXPECT_EQ(target.read_answer()->status, 431);
}

TEST(http_limits, refuses_connections_beyond_the_maximum_and_serves_the_others) {
    echo_handler handler;
    auto settings = patient();
    settings.connections_max = 2;
    http_test_server server{handler, settings};
    http_test_client first{server.port()};
    first.send(post("/echo", "1"));
    ASSERT_TRUE(first.read_answer());
    {
        http_test_client second{server.port()};
        second.send(post("/echo", "2"));
        ASSERT_TRUE(second.read_answer());
        http_test_client third{server.port()};
        auto const answer = third.read_answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 503);
        EXPECT_EQ(answer->field("retry-after"), "1");
        EXPECT_TRUE(third.is_closed());
    }
    ASSERT_TRUE(eventually([&] { return server.server().connections() == 1; }));
    http_test_client fourth{server.port()};
    fourth.send(post("/echo", "4"));
    EXPECT_EQ(fourth.read_answer()->body, "4");
    first.send(post("/echo", "undisturbed"));
    EXPECT_EQ(first.read_answer()->body, "undisturbed");
}

struct bad_request {
    char const* text;
    char const* bytes;
    int status;
};

class http_bad_requests : public testing::TestWithParam<bad_request> {};

TEST_P(http_bad_requests, are_answered_and_the_connection_closed) {
    echo_handler handler;
    http_test_server server{handler, patient()};
    http_test_client client{server.port()};
    client.send(GetParam().bytes);
    // The bytes that follow must not be taken as a request, whatever framing was meant.
    client.send("GET /direct HTTP/1.1\r\nHost: x\r\n\r\n");
    auto const answer = client.read_answer();
    ASSERT_TRUE(answer);
    EXPECT_EQ(answer->status, GetParam().status) << answer->body;
    EXPECT_EQ(answer->field("content-type"), "application/problem+json");
    client.finish_sending();
    EXPECT_EQ(client.read_to_end(), "");
}

constexpr bad_request bad_requests[] = {
    {"tls_hello", "\x16\x03\x01\x02\x01\x01\xfc\x03\x03\r\n\r\n", 400},
    {"no_version", "GET /direct\r\n\r\n", 400},
    {"wrong_version", "GET /direct HTTP/3.7\r\nHost: x\r\n\r\n", 400},
    {"space_before_colon", "GET /direct HTTP/1.1\r\nHost : x\r\n\r\n", 400},
    {"no_host", "GET /direct HTTP/1.1\r\n\r\n", 400},
    {"two_hosts", "GET /direct HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
    {"negative_length", "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: -1\r\n\r\n", 400},
    {"huge_length",
     "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 99999999999999999999999\r\n\r\n", 400},
    {"largest_length",
     "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551615\r\n\r\n", 413},
    {"two_lengths",
     "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
    {"length_and_chunked",
     "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nTransfer-Encoding: "
     "chunked\r\n\r\n0\r\n\r\n",
     400},
    {"unknown_transfer_coding", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
     501},
    {"chained_transfer_coding",
     "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
    {"chunked_in_http_1_0", "POST /echo HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
     400},
    {"bad_chunk_size", "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
     400},
    {"huge_chunk_size",
     "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
     "fffffffffffffffffff\r\n",
     400},
    {"unknown_expectation",
     "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: a-miracle\r\nContent-Length: 1\r\n\r\nx", 417},
};

INSTANTIATE_TEST_SUITE_P(all, http_bad_requests, testing::ValuesIn(bad_requests),
                         [](auto const& row) { return std::string{row.param.text}; });

} // namespace
} // namespace tally::tests
