#include "ingest/formats/formats.hpp"
#include "ingest/push/handler.hpp"

#include "tests/ingest/http/test_client.hpp"
#include "tests/ingest/http/test_server.hpp"
#include "tests/ingest/push/compress.hpp"
#include "tests/ingest/push/test_sink.hpp"

#include <atomic>
#include <future>
#include <optional>
#include <thread>

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using std::chrono::milliseconds;

struct push_over_http : testing::Test {
    /// Timeouts are far longer than a test, except those that a test waits for.
    static constexpr milliseconds never{3'600'000};

    void serve(milliseconds answer_timeout = never,
               std::span<ingest::format const> formats = push_test_formats()) {
        handler =
            std::make_unique<ingest::push_handler>(sink, counts, ingest::push_settings{}, formats);
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
    sink.options = push_test_sink::finishing::on_order;
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

/// Events in every mode, with the real decoder: they are the same events.
struct events_over_http : push_over_http {
    static constexpr std::string_view one =
        R"({"specversion":"1.0","id":"1","source":"/shop","type":"usage","subject":"SUB-1",)"
        R"("data":{"metric":"sms","quantity":2}})";

    events_over_http() {
        sink.options = push_test_sink::finishing::on_order;
        serve(never, ingest::formats());
        client.emplace(port());
    }
    /// The events of an accepted push, each as "id content".
    std::vector<std::string> events_of(std::string_view body, std::string_view more_fields) {
        client->send(post("/v1/events", body, more_fields));
        EXPECT_TRUE(eventually([&] { return sink.under_way() == 1; })) << more_fields;
        std::vector<std::string> seen;
        for (ingest::event const& each : sink.last().batch.events) {
            seen.push_back(to_string(each.id) + ' ' + std::to_string(each.content));
        }
        sink.finish_all();
        EXPECT_EQ(client->read_answer()->status, 202);
        return seen;
    }
    http_answer answer_to(std::string_view request) {
        client->send(request);
        return *client->read_answer();
    }

    std::optional<http_test_client> client;
};

TEST_F(events_over_http, are_the_same_in_every_encoding) {
    std::string const event{one};
    auto const wanted = events_of(event, "Content-Type: application/cloudevents+json\r\n");
    ASSERT_EQ(wanted.size(), 1u);
    EXPECT_EQ(events_of(event, ""), wanted);
    EXPECT_EQ(events_of(event, "Content-Type: application/x-www-form-urlencoded\r\n"), wanted);
    EXPECT_EQ(events_of(gzipped(event), "Content-Encoding: gzip\r\n"), wanted);
    EXPECT_EQ(events_of(R"({"quantity": 2, "metric": "sms"})",
                        "ce-specversion: 1.0\r\nCE-ID: 1\r\nce-source: /shop\r\n"
                        "ce-type: usage\r\nce-subject: SUB%2D1\r\n"
                        "Content-Type: application/json\r\n"),
              wanted);
    auto const twice = std::vector{wanted[0], wanted[0]};
    EXPECT_EQ(events_of('[' + event + ',' + event + ']',
                        "Content-Type: application/cloudevents-batch+json\r\n"),
              twice);
    EXPECT_EQ(events_of(event + '\n' + event, "Content-Type: application/x-ndjson\r\n"), twice);
}

TEST_F(events_over_http, an_empty_batch_is_taken) {
    auto const answer =
        answer_to(post("/v1/events", "[]", "Content-Type: application/cloudevents-batch+json\r\n"));
    EXPECT_EQ(answer.status, 202);
    EXPECT_EQ(answer.body, R"({"received":0,"accepted":0,"rejected":0,"errors":[]})");
}

TEST_F(events_over_http, tells_what_is_wrong_with_each) {
    auto const answer = answer_to(post("/v1/events", R"([{"id":"1"}])"));
    EXPECT_EQ(answer.status, 422);
    EXPECT_NE(answer.body.find(R"("code":"missing_field","field":"specversion")"),
              std::string::npos)
        << answer.body;
    auto const binary = answer_to(post("/v1/events", "{}", "ce-specversion: 0.3\r\n"));
    EXPECT_EQ(binary.status, 422);
    EXPECT_NE(binary.body.find("bad_spec_version"), std::string::npos) << binary.body;
    EXPECT_EQ(answer_to(post("/v1/events", "{")).status, 400);
    EXPECT_EQ(answer_to(post("/v1/events", "<x/>", "Content-Type: text/xml\r\n")).status, 415);
}

TEST_F(events_over_http, an_unknown_type_is_taken_for_later) {
    std::string tomorrow{one};
    tomorrow.replace(tomorrow.find("usage"), 5, "tea.cup");
    client->send(post("/v1/events?ack=commit", tomorrow));
    ASSERT_TRUE(eventually([&] { return sink.under_way() == 1; }));
    sink.finish_all();
    auto const answer = client->read_answer();
    EXPECT_EQ(answer->status, 200);
    EXPECT_TRUE(answer->body.starts_with(
        R"({"received":1,"accepted":1,"rejected":0,"committed":0,"duplicate":0,"suspended":1,)"))
        << answer->body;
}

TEST_F(events_over_http, answers_other_methods) {
    auto const shaken = answer_to("OPTIONS /v1/events HTTP/1.1\r\nHost: x\r\n"
                                  "WebHook-Request-Origin: eventgrid.example.net\r\n\r\n");
    EXPECT_EQ(shaken.status, 200);
    EXPECT_EQ(shaken.field("webhook-allowed-origin"), "eventgrid.example.net");
    EXPECT_EQ(shaken.field("webhook-allowed-rate"), "*");
    EXPECT_EQ(shaken.field("allow"), "POST, OPTIONS");
    auto const read = answer_to("GET /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(read.status, 405);
    EXPECT_EQ(read.field("allow"), "POST, OPTIONS");
    client->send("HEAD /v1/events HTTP/1.1\r\nHost: x\r\n\r\n");
    EXPECT_EQ(client->read_answer(true)->status, 405);
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
    sink.options = push_test_sink::finishing::on_order;
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

TEST_F(push_over_http, cuts_off_who_pipelines_and_never_reads_and_serves_others) {
    handler = std::make_unique<ingest::push_handler>(sink, counts, ingest::push_settings{},
                                                     push_test_formats());
    server = std::make_unique<http_test_server>(
        *handler, ingest::http_server_settings{.read_timeout = never,
                                               .idle_timeout = never,
                                               .write_timeout = milliseconds{100}});
    // A hundred errors a response: some KiB for a few hundred bytes each.
    std::string bad;
    for (int i = 0; i < 100; ++i) {
        bad += "bad\n";
    }
    std::string const request = post("/v1/cdrs", bad);
    constexpr int requests_max = 100'000;
    std::atomic<int> requests{0};
    std::jthread deaf{[&] {
        http_test_client client{port()};
        while (requests < requests_max && client.send(request)) {
            ++requests;
        }
    }};
    http_test_client other{port()};
    for (int i = 0; i < 20; ++i) {
        ASSERT_TRUE(other.send(post("/v1/cdrs", "ok")));
        ASSERT_EQ(other.read_answer()->status, 202);
    }
    deaf.join();
    EXPECT_LT(requests, requests_max);
    EXPECT_TRUE(eventually([&] { return server->server().connections() == 1; }));
    constexpr std::uint64_t answers_bytes_max = 32 * 1024 * 1024;
    EXPECT_LT(counts.sums().received * 50, answers_bytes_max) << "an error has 50 bytes at least";
    ASSERT_TRUE(other.send(post("/v1/cdrs", "ok")));
    EXPECT_EQ(other.read_answer()->status, 202);
}

TEST_F(push_over_http, drains_what_it_took) {
    sink.options = push_test_sink::finishing::on_order;
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
    sink.options = push_test_sink::finishing::on_order;
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
