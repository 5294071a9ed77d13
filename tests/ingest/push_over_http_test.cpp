#include "ingest/push_handler.hpp"

#include "tests/ingest/http_test_client.hpp"
#include "tests/ingest/http_test_server.hpp"
#include "tests/ingest/push_compress.hpp"
#include "tests/ingest/push_test_sink.hpp"

#include <atomic>
#include <future>
#include <thread>

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using std::chrono::milliseconds;

struct push_over_http : testing::Test {
    /// Time-outs far beyond a test's length, but for those that a test waits for.
    static constexpr milliseconds never{3'600'000};

    void serve(milliseconds answer_timeout = never) {
        handler = std::make_unique<ingest::push_handler>(sink, counts, ingest::push_settings{},
                                                         push_test_formats());
        server = std::make_unique<http_test_server>(
            *handler, ingest::http_server_settings{.answer_timeout = answer_timeout});
    }
    [[nodiscard]] std::uint16_t port() const { return server->port(); }

    push_test_sink sink;
    recording_observer counts;
    std::unique_ptr<ingest::push_handler> handler;
    std::unique_ptr<http_test_server> server;
};

TEST_F(push_over_http, acknowledges_when_another_thread_has_stored) {
    sink.how = push_test_sink::finishing::on_order;
    serve();
    http_test_client client{port()};
    client.send(post("/v1/cdrs", "ok\nok", "Expect: 100-continue\r\n"));
    EXPECT_EQ(client.read_answer(true)->status, 100);
    ASSERT_TRUE(eventually([&] { return sink.under_way() == 1; }));
    EXPECT_EQ(sink.bytes_held(), 5u);
    std::jthread{[&] { sink.finish_all(); }}.join();
    auto const answer = client.read_answer();
    EXPECT_EQ(answer->status, 202);
    EXPECT_EQ(answer->body, R"({"received":2,"accepted":2,"rejected":0,"errors":[]})");
    EXPECT_EQ(sink.bytes_held(), 0u);
}

TEST_F(push_over_http, every_split_of_a_compressed_chunked_push_is_read_the_same) {
    serve();
    http_test_client client{port()};
    std::string const body = gzipped("ok\nbad x\nok");
    char size[16];
    std::snprintf(size, sizeof size, "%zx\r\n", body.size());
    std::string const request = "POST /v1/cdrs HTTP/1.1\r\nHost: x\r\nContent-Encoding: gzip\r\n"
                                "Transfer-Encoding: chunked\r\n\r\n" +
                                (size + body) + "\r\n0\r\n\r\n";
    for (std::size_t split = 1; split < request.size(); ++split) {
        client.send(std::string_view{request}.substr(0, split));
        client.send(std::string_view{request}.substr(split));
        auto const answer = client.read_answer();
        ASSERT_EQ(answer->status, 202) << split << answer->body;
        ASSERT_TRUE(answer->body.starts_with(R"({"received":3,"accepted":2,"rejected":1)"));
    }
    EXPECT_EQ(sink.bytes_held(), 0u);
}

TEST_F(push_over_http, refuses_load_before_the_body_is_sent) {
    sink.bytes_max = 100;
    serve();
    http_test_client client{port()};
    client.send("POST /v1/cdrs HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\n"
                "Content-Length: 101\r\n\r\n");
    auto const answer = client.read_answer();
    EXPECT_EQ(answer->status, 503);
    EXPECT_EQ(answer->field("retry-after"), "1");
    EXPECT_EQ(answer->field("content-type"), "application/problem+json");
}

TEST_F(push_over_http, gives_credit_back_when_a_client_goes_within_its_body) {
    serve();
    for (std::string const framing : {"Content-Length: 50000", "Transfer-Encoding: chunked"}) {
        {
            http_test_client client{port()};
            client.send("POST /v1/cdrs HTTP/1.1\r\nHost: x\r\n" + framing + "\r\n\r\nff\r\nok");
            ASSERT_TRUE(eventually([&] { return sink.bytes_held() >= 50'000; }));
        }
        EXPECT_TRUE(eventually([&] { return sink.bytes_held() == 0; }));
    }
    EXPECT_TRUE(sink.taken().empty());
}

TEST_F(push_over_http, a_sink_that_never_finishes_costs_only_the_time_out) {
    sink.how = push_test_sink::finishing::on_order;
    serve(milliseconds{50});
    http_test_client client{port()};
    client.send(post("/v1/cdrs", "ok"));
    auto const answer = client.read_answer();
    EXPECT_EQ(answer->status, 503);
    EXPECT_NE(answer->field("retry-after"), "");
    client.send("GET /v1/cdrs HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client.read_answer()->status, 405);
    sink.finish_all();
    EXPECT_EQ(sink.bytes_held(), 0u);
}

TEST_F(push_over_http, drains_what_it_took) {
    sink.how = push_test_sink::finishing::on_order;
    serve();
    http_test_client client{port()};
    client.send(post("/v1/cdrs/switch", "ok"));
    ASSERT_TRUE(eventually([&] { return sink.under_way() == 1; }));
    auto drained = std::async(std::launch::async,
                              [&] { return server->server().drain(http_test_client::patience); });
    sink.finish_all();
    EXPECT_EQ(client.read_answer()->status, 202);
    client.finish_sending();
    EXPECT_TRUE(drained.get());
}

TEST_F(push_over_http, many_clients_lose_and_double_nothing) {
    sink.how = push_test_sink::finishing::on_order;
    serve();
    constexpr std::uint64_t clients = 12;
    constexpr std::uint64_t pushes = 100;
    std::atomic<std::uint64_t> acknowledged{0};
    std::atomic<bool> is_over{false};
    std::jthread lane{[&] {
        while (!is_over) {
            sink.finish_all();
            std::this_thread::yield();
        }
    }};
    std::vector<std::jthread> threads;
    for (std::uint64_t i = 0; i < clients; ++i) {
        threads.emplace_back([&] {
            http_test_client client{port()};
            for (std::uint64_t n = 0; n < pushes; ++n) {
                client.send(post("/v1/cdrs", "ok\nbad x\nok\nok"));
                auto const answer = client.read_answer();
                acknowledged += answer && answer->status == 202 ? 3 : 0;
            }
        });
    }
    for (std::jthread& thread : threads)
        thread.join();
    is_over = true;
    lane.join();
    EXPECT_EQ(acknowledged, clients * pushes * 3);
    recording_observer::totals const expected{clients * pushes * 4, clients * pushes * 3,
                                              clients * pushes, clients * pushes};
    EXPECT_EQ(counts.sums(), expected);
    EXPECT_EQ(sink.taken().size(), clients * pushes);
    EXPECT_EQ(sink.bytes_held(), 0u);
}

} // namespace
} // namespace tally::tests
