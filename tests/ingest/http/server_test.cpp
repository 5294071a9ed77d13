#include "tests/ingest/http/test_client.hpp"
#include "tests/ingest/http/test_handler.hpp"
#include "tests/ingest/http/test_server.hpp"

#include <atomic>
#include <thread>

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

struct http_server : testing::Test {
    echo_handler handler;
    http_test_server server{handler};
    http_test_client client{server.port()};
};

TEST_F(http_server, answers_a_request_and_keeps_the_connection) {
    for (int i = 0; i < 3; ++i) {
        ASSERT_TRUE(client.send(post("/echo", "body " + std::to_string(i))));
        auto const answer = client.read_answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, "body " + std::to_string(i));
        EXPECT_EQ(answer->field("content-type"), "text/plain");
        EXPECT_EQ(answer->field("server"), "tallyd");
        EXPECT_TRUE(answer->field("date").ends_with(" GMT"));
    }
    EXPECT_EQ(server.server().connections(), 1u);
    EXPECT_EQ(handler.alive(), 0);
}

TEST_F(http_server, tells_the_handler_what_the_head_says) {
    client.send("GET /direct?a=1&b=2 HTTP/1.1\r\nHost: x\r\nX-Test:  value \r\n\r\n");
    EXPECT_EQ(client.read_answer()->body, "GET a=1&b=2 near value");
    client.send("GET http://proxy.test/direct?q HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer()->body, "GET q near ");
    client.send("BREW /direct HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer()->body, "BREW  near ");
}

TEST_F(http_server, answers_pipelined_requests_in_order) {
    std::string requests;
    for (int i = 0; i < 50; ++i)
        requests += i % 5 == 4 ? "GET /direct?" + std::to_string(i) + " HTTP/1.1\r\nHost: x\r\n\r\n"
                               : post("/echo", "pipelined " + std::to_string(i));
    ASSERT_TRUE(client.send(requests));
    for (int i = 0; i < 50; ++i) {
        auto const answer = client.read_answer();
        ASSERT_TRUE(answer);
        EXPECT_EQ(answer->body, i % 5 == 4 ? "GET " + std::to_string(i) + " near "
                                           : "pipelined " + std::to_string(i));
    }
}

TEST_F(http_server, reads_the_same_however_the_bytes_are_split) {
    std::string const sized = post("/echo", "hello");
    std::string const chunked = "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n"
                                "\r\n3\r\nhel\r\n2;ext=1\r\nlo\r\n0\r\nTrailer: t\r\n\r\n";
    for (std::string const& request : {sized, chunked}) {
        for (std::size_t split = 1; split < request.size(); ++split) {
            client.send(std::string_view{request}.substr(0, split));
            client.send(std::string_view{request}.substr(split));
            auto const answer = client.read_answer();
            ASSERT_TRUE(answer) << split;
            ASSERT_EQ(answer->status, 200) << split;
            ASSERT_EQ(answer->body, "hello") << split;
        }
    }
}

TEST_F(http_server, reads_a_request_that_comes_byte_by_byte) {
    for (char const byte : post("/echo", "slow"))
        client.send({&byte, 1});
    EXPECT_EQ(client.read_answer()->body, "slow");
}

TEST_F(http_server, reads_chunked_bodies_of_many_sizes) {
    std::string body;
    std::string chunks;
    for (std::size_t size = 1; size < 120'000; size = size * 3 + 1) {
        std::string const piece(size, static_cast<char>('a' + size % 26));
        char head[32];
        std::snprintf(head, sizeof head, "%zx\r\n", size);
        chunks.append(head).append(piece).append("\r\n");
        body += piece;
    }
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks +
                "0\r\n\r\n" + post("/echo", "next"));
    EXPECT_TRUE(client.read_answer()->body == body);
    EXPECT_EQ(client.read_answer()->body, "next");
}

TEST_F(http_server, reads_large_bodies_whole) {
    std::string body(1024 * 1024, 'x');
    for (std::size_t i = 0; i < body.size(); i += 997)
        body[i] = static_cast<char>(i % 251);
    client.send(post("/echo", body));
    EXPECT_TRUE(client.read_answer()->body == body);
}

TEST_F(http_server, sends_100_continue_at_once_when_the_body_is_wanted) {
    for (std::string const framing : {"Content-Length: 5", "Transfer-Encoding: chunked"}) {
        client.send("POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-Continue\r\n" + framing +
                    "\r\n\r\n");
        EXPECT_EQ(client.read_answer(true)->status, 100);
        client.send(framing[0] == 'C' ? "hello" : "5\r\nhello\r\n0\r\n\r\n");
        auto const answer = client.read_answer();
        EXPECT_EQ(answer->status, 200);
        EXPECT_EQ(answer->body, "hello");
    }
}

TEST_F(http_server, sends_the_final_status_instead_of_100_when_the_body_is_not_wanted) {
    client.send("POST /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                "Content-Length: 5\r\n\r\n");
    auto const answer = client.read_answer();
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->field("retry-after"), "7");
    EXPECT_EQ(answer->field("connection"), "close");
    EXPECT_TRUE(client.is_closed());
}

TEST_F(http_server, keeps_the_connection_when_a_small_body_is_refused) {
    client.send(post("/refuse", std::string(60'000, 'x')) + post("/echo", "still here"));
    EXPECT_EQ(client.read_answer()->status, 503);
    EXPECT_EQ(client.read_answer()->body, "still here");
    EXPECT_EQ(handler.bodies(), 1);
}

TEST_F(http_server, refuses_a_large_body_without_reading_it) {
    client.send("POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 900000\r\n\r\nbegin");
    EXPECT_EQ(client.read_answer()->status, 503);
    client.finish_sending();
    EXPECT_TRUE(client.is_closed());
    EXPECT_EQ(handler.bodies(), 0);
}

TEST_F(http_server, lets_a_client_go_on_sending_what_is_refused_for_a_while) {
    ASSERT_TRUE(client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 1500000\r\n\r\n"));
    EXPECT_EQ(client.read_answer()->status, 413);
    // If the connection were reset now, many clients would lose the response that they have not
    // read yet.
    for (int sent = 0; sent < 1'500'000; sent += 150'000) {
        ASSERT_TRUE(client.send(std::string(150'000, 'x'))) << sent;
        // Long enough for a reset to arrive, and far below the two seconds after which it may.
        std::this_thread::sleep_for(std::chrono::milliseconds{3});
    }
    client.finish_sending();
    EXPECT_TRUE(client.is_closed());
    EXPECT_EQ(handler.bodies(), 0);
}

TEST_F(http_server, refuses_a_chunked_body_as_soon_as_it_is_too_large) {
    client.send("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
                "200000\r\n" +
                std::string(0x150000, 'x'));
    EXPECT_EQ(client.read_answer()->status, 413);
    client.finish_sending();
    EXPECT_TRUE(client.is_closed());
}

TEST_F(http_server, answers_head_requests_without_a_body) {
    client.send("HEAD /direct HTTP/1.1\r\nHost: x\r\n\r\n");
    auto const answer = client.read_answer(true);
    EXPECT_EQ(answer->status, 200);
    EXPECT_EQ(answer->field("content-length"), std::to_string(std::string{"HEAD  near "}.size()));
    client.send(post("/echo", "next"));
    EXPECT_EQ(client.read_answer()->body, "next");
}

TEST_F(http_server, serves_http_1_0) {
    client.send("GET /direct HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");
    auto answer = client.read_answer();
    EXPECT_EQ(answer->body, "GET  near ");
    EXPECT_EQ(answer->field("connection"), "keep-alive");
    client.send("POST /echo HTTP/1.0\r\nContent-Length: 2\r\n\r\nhi");
    answer = client.read_answer();
    EXPECT_EQ(answer->body, "hi");
    EXPECT_TRUE(client.is_closed());
}

TEST_F(http_server, closes_when_the_client_asks) {
    client.send(post("/echo", "bye", "Connection: close\r\n"));
    auto const answer = client.read_answer();
    EXPECT_EQ(answer->body, "bye");
    EXPECT_EQ(answer->field("connection"), "close");
    EXPECT_TRUE(client.is_closed());
}

TEST_F(http_server, answers_500_when_the_handler_throws_and_goes_on) {
    client.send(post("/throw", "x") + post("/begin-throws", "x") + post("/echo", "alive"));
    EXPECT_EQ(client.read_answer()->status, 500);
    EXPECT_EQ(client.read_answer()->status, 500);
    EXPECT_EQ(client.read_answer()->body, "alive");
}

TEST_F(http_server, takes_the_answer_from_another_thread) {
    client.send(post("/hold", "held"));
    ASSERT_TRUE(eventually([&] { return handler.held() == 1; }));
    std::jthread{[&] { handler.release_all(); }}.join();
    EXPECT_EQ(client.read_answer()->body, "held");
    ASSERT_TRUE(eventually([&] { return handler.alive() == 0; }));
}

TEST_F(http_server, survives_a_client_that_goes_while_its_answer_is_awaited) {
    {
        http_test_client impatient{server.port()};
        impatient.send(post("/hold", "nobody waits"));
        ASSERT_TRUE(eventually([&] { return handler.held() == 1; }));
    }
    handler.release_all();
    ASSERT_TRUE(eventually([&] { return handler.alive() == 0; }));
    client.send(post("/echo", "next"));
    EXPECT_EQ(client.read_answer()->body, "next");
}

TEST_F(http_server, serves_many_connections_at_once) {
    constexpr int clients = 16;
    constexpr int requests = 200;
    std::atomic<int> good{0};
    std::vector<std::jthread> threads;
    for (int i = 0; i < clients; ++i) {
        threads.emplace_back([&, i] {
            http_test_client own{server.port()};
            for (int n = 0; n < requests; ++n) {
                std::string const body = std::to_string(i) + '/' + std::to_string(n);
                own.send(post("/echo", body));
                auto const answer = own.read_answer();
                good += answer && answer->body == body ? 1 : 0;
            }
        });
    }
    for (std::jthread& thread : threads)
        thread.join();
    EXPECT_EQ(good, clients * requests);
    EXPECT_EQ(server.observer.answers().size(), std::size_t{clients * requests});
}

TEST_F(http_server, tells_the_observer_route_and_status) {
    client.send(post("/echo", "x") + post("/nowhere", "x") + "rubbish\r\n\r\n");
    client.read_to_end();
    std::vector<std::pair<std::string, unsigned>> const expected{
        {"echo", 200}, {"", 404}, {"", 400}};
    EXPECT_EQ(server.observer.answers(), expected);
}

TEST(http_server_address, listens_on_ipv6) {
    echo_handler handler;
    http_test_server server{handler, {.listen = "[::1]:0"}};
    http_test_client client{server.port(), "::1"};
    client.send("GET /direct HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer()->body, "GET  near ");
}

TEST(http_server_address, says_what_is_wrong_with_the_address) {
    echo_handler handler;
    http_test_server taken{handler};
    EXPECT_THROW((http_test_server{handler, {.listen = "nonsense"}}), std::runtime_error);
    std::string const same = "127.0.0.1:" + std::to_string(taken.port());
    try {
        http_test_server second{handler, {.listen = same}};
        FAIL() << "two servers on one port";
    } catch (std::runtime_error const& wrong) {
        EXPECT_NE(std::string{wrong.what()}.find("cannot listen on " + same), std::string::npos);
    }
}

} // namespace
} // namespace tally::tests
