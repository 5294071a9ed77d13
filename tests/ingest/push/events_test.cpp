#include "tests/ingest/push/compress.hpp"
#include "tests/ingest/push/fixture.hpp"

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using totals = recording_observer::totals;

/// POST /v1/events with a fake decoder: what the HTTP side adds to it.
struct push_events : push_fixture {
    void send_events(fields with, std::string body, std::string query = {}) {
        send({.path = "/v1/events", .query = std::move(query), .with = std::move(with)},
             std::move(body));
    }
    /// The body that the decoder got, for a push that is still in flight.
    std::string decoded_body(fields with, std::string body) {
        sink.options = push_test_sink::finishing::on_order;
        send_events(std::move(with), std::move(body));
        EXPECT_EQ(sink.under_way(), 1u) << push_fixture::body();
        std::string seen = sink.under_way() == 1 ? sink.last().batch.body : "";
        sink.finish_all();
        return seen;
    }
};

push_fixture::fields const binary{{"ce-specversion", "1.0"}, {"ce-id", "1"}, {"ce-type", "usage"}};

push_fixture::fields operator+(push_fixture::fields all, push_fixture::fields const& more) {
    all.insert(more.begin(), more.end());
    return all;
}

TEST_F(push_events, answers_as_for_calls) {
    send_events({}, "ok\nbad no start\nok");
    EXPECT_EQ(status(), 202u);
    EXPECT_EQ(body(), R"({"received":3,"accepted":2,"rejected":1,"errors":[{"index":1,)"
                      R"("code":"missing_field","field":"start_time","detail":"no start"}]})");
    EXPECT_EQ((*response)->endpoint, "/v1/events");
    std::vector<taken_block> const taken{{"local", "cloudevents", 2, {"bad no start"}, false}};
    EXPECT_EQ(sink.taken(), taken);
    EXPECT_EQ(observer.sums(), (totals{3, 2, 1, 1}));
    EXPECT_EQ(observer.kinds(), (std::vector<std::string>{"event"}));
    send_events({}, "bad one");
    EXPECT_EQ(status(), 422u);
    send_events({}, "! no JSON");
    expect_problem(400, "'!'");
    send_events({}, "ok", "ack=commit");
    EXPECT_EQ(status(), 200u);
    EXPECT_NE(body().find(R"("committed":1,"duplicate":0,"suspended":0)"), std::string::npos);
    EXPECT_EQ(sink.bytes_held(), 0u);
}

TEST_F(push_events, an_event_of_an_unknown_type_is_taken_and_told) {
    send_events({}, "later");
    EXPECT_EQ(status(), 202u);
    EXPECT_EQ(body().find(R"({"received":1,"accepted":1,"rejected":0,"errors":[{"index":0,)"
                          R"("code":"unknown_type","field":"type",)"),
              0u)
        << body();
    EXPECT_NE(body().find(R"("suspended":true}]})"), std::string::npos) << body();
    send_events({}, "later\nok\nbad x", "ack=commit");
    EXPECT_EQ(status(), 200u);
    EXPECT_NE(body().find(R"("received":3,"accepted":2,"rejected":1,"committed":1,"duplicate":0,)"
                          R"("suspended":1,)"),
              std::string::npos)
        << body();
    EXPECT_EQ(observer.sums(), (totals{4, 3, 1, 2}));
}

TEST_F(push_events, an_empty_batch_is_a_batch) {
    send_events({{"Content-Type", "application/cloudevents-batch+json"}}, "skip");
    EXPECT_EQ(status(), 202u);
    EXPECT_NE(body().find(R"("received":0,"accepted":0,"rejected":0)"), std::string::npos);
    send_events({{"Content-Type", "application/cloudevents-batch+json"}}, "");
    expect_problem(400, "empty");
}

TEST_F(push_events, know_when_they_came) {
    auto const now_us = [] {
        return std::chrono::duration_cast<std::chrono::microseconds>(
                   std::chrono::system_clock::now().time_since_epoch())
            .count();
    };
    sink.options = push_test_sink::finishing::on_order;
    auto const before = now_us();
    send_events({}, "ok");
    EXPECT_LE(before, sink.last().batch.events.at(0).occurred);
    EXPECT_GE(now_us(), sink.last().batch.events.at(0).occurred);
    sink.finish_all();
}

TEST_F(push_events, judges_the_content_type_of_what_is_no_binary_event) {
    for (std::string const type :
         {"", "application/cloudevents+json", "Application/CloudEvents+JSON; charset=utf-8",
          "application/cloudevents-batch+json", "application/json", "application/x-ndjson",
          "application/x-www-form-urlencoded"}) {
        send_events({{"Content-Type", type}}, "ok");
        EXPECT_EQ(status(), 202u) << type;
    }
    for (std::string const type : {"application/cloudevents+avro", "application/cloudevents+xml",
                                   "application/cloudevents-batch+protobuf", "image/png"}) {
        send_events({{"Content-Type", type}}, "ok");
        expect_problem(415, "application/cloudevents+json");
    }
}

TEST_F(push_events, an_event_in_binary_mode_becomes_a_structured_one) {
    EXPECT_EQ(decoded_body(binary + fields{{"Content-Type", "application/json"}}, "{\"a\": 1}"),
              R"({"id":"1","specversion":"1.0","type":"usage",)"
              R"("datacontenttype":"application/json","data":{"a":1}})");
    EXPECT_EQ(status(), 202u);
    EXPECT_EQ(decoded_body(binary + fields{{"Content-Encoding", "gzip"}}, gzipped("{\"a\": 1}")),
              R"({"id":"1","specversion":"1.0","type":"usage","data":{"a":1}})");
    EXPECT_EQ(decoded_body(binary + fields{{"Content-Type", "image/png"}}, "abc"),
              R"({"id":"1","specversion":"1.0","type":"usage",)"
              R"("datacontenttype":"image/png","data_base64":"YWJj"})");
    EXPECT_EQ(decoded_body(binary, ""), R"({"id":"1","specversion":"1.0","type":"usage"})");
    EXPECT_EQ(decoded_body(binary + fields{{"Content-Type", "application/cloudevents+json"}}, "ok"),
              "ok")
        << "the type goes before the fields";
    EXPECT_EQ(sink.bytes_held(), 0u);
}

TEST_F(push_events, the_structured_form_is_what_is_kept) {
    sink.options = push_test_sink::finishing::on_order;
    send_events(binary + fields{{"Content-Type", "text/plain"}}, "abc");
    EXPECT_EQ(sink.last().content_type, "application/cloudevents+json");
    EXPECT_GE(sink.last().admitted_bytes, sink.last().batch.body.size());
    sink.finish_all();
}

TEST_F(push_events, gives_back_a_binary_event_that_is_none) {
    send_events(binary, "{");
    expect_problem(400, "not JSON");
    EXPECT_NE(body().find(R"("code":"bad_data")"), std::string::npos);
    send_events(binary + fields{{"ce-subject", "%C0%A0"}}, "{}");
    expect_problem(400, "ce-subject");
    EXPECT_NE(body().find(R"("code":"bad_encoding")"), std::string::npos);
    send_events(binary + fields{{"CE-ID", "2"}}, "{}");
    expect_problem(400, "twice");
    EXPECT_NE(body().find(R"("code":"bad_attribute")"), std::string::npos);
    sink.bytes_max = 10;
    send_events(binary, "{}");
    expect_problem(503, "no room");
    EXPECT_EQ(observer.sums(), totals{});
    EXPECT_TRUE(sink.taken().empty());
}

TEST_F(push_events, fields_of_events_mean_nothing_for_calls) {
    send({.with = binary}, "ok");
    EXPECT_EQ(status(), 202u);
    EXPECT_EQ(sink.taken().at(0).format, "canonical");
    send({.method = "OPTIONS", .with = {{"WebHook-Request-Origin", "x"}}}, "");
    expect_problem(405, "POST");
}

TEST_F(push_events, shakes_hands_with_a_webhook_sender) {
    send({.method = "OPTIONS",
          .path = "/v1/events",
          .with = {{"webhook-request-origin", "eventemitter.example.com"},
                   {"WebHook-Request-Rate", "120"}}},
         "");
    EXPECT_EQ(status(), 200u);
    EXPECT_EQ(body(), "");
    EXPECT_EQ(field("WebHook-Allowed-Origin"), "eventemitter.example.com");
    EXPECT_EQ(field("WebHook-Allowed-Rate"), "*");
    EXPECT_EQ(field("Allow"), "POST, OPTIONS");
    EXPECT_EQ((*response)->endpoint, "/v1/events");
    send({.method = "OPTIONS", .path = "/v1/events"}, "");
    EXPECT_EQ(status(), 200u);
    EXPECT_EQ(field("WebHook-Allowed-Origin"), "") << "the request named no origin";
    for (std::string const origin : {"a b", "a\tb", "\xE9", std::string(256, 'a').c_str()}) {
        send({.method = "OPTIONS",
              .path = "/v1/events",
              .with = {{"WebHook-Request-Origin", origin}}},
             "");
        expect_problem(400, "WebHook-Request-Origin");
    }
}

TEST_F(push_events, a_handshake_is_authorized_as_a_push) {
    request const asked{.method = "OPTIONS",
                        .path = "/v1/events",
                        .with = {{"WebHook-Request-Origin", "example.com"}},
                        .from_loopback = false};
    send(asked, "");
    expect_problem(403, "token");
    EXPECT_EQ(field("WebHook-Allowed-Origin"), "");
    sink.has_sources = false;
    send(asked, "");
    expect_problem(503, "starting");
}

TEST_F(push_events, other_methods_are_refused) {
    for (std::string const method : {"GET", "HEAD", "PUT", "DELETE", "options"}) {
        send({.method = method, .path = "/v1/events"}, "");
        expect_problem(405, "POST, OPTIONS");
        EXPECT_EQ(field("Allow"), "POST, OPTIONS");
    }
    send({.path = "/v1/event"}, "ok");
    expect_problem(404, "/v1/events");
    send({.path = "/v1/cdrs/cloudevents"}, "ok");
    expect_problem(404, "/v1/events");
    send_events({}, "ok", "ack=later");
    expect_problem(400, "commit");
}

struct push_events_of_sources : push_events {
    push_events_of_sources() {
        auto shop = source_with_token("shop", "s");
        shop.formats = {"cloudevents"};
        auto pbx = source_with_token("pbx", "p");
        pbx.formats = {"canonical", "switch"};
        auto all = source_with_token("all", "a");
        sources_.assign({{}, std::move(shop), std::move(pbx), std::move(all)});
    }
    unsigned status_of(std::string const& token, std::string const& path,
                       std::string const& method = "POST") {
        push_test_sink with{sources_};
        ingest::push_handler target{with, observer, {}, push_test_formats()};
        std::string const field = "Bearer " + token;
        std::vector<ingest::http_field> const list{{"Authorization", field}};
        auto const step = target.begin({method, path, "", list, 2, false});
        auto const* const refused = std::get_if<ingest::http_response>(&step);
        return refused == nullptr ? 202 : refused->status;
    }
    std::vector<ingest::source> sources_;
};

TEST_F(push_events_of_sources, may_be_restricted) {
    EXPECT_EQ(status_of("s", "/v1/events"), 202u);
    EXPECT_EQ(status_of("s", "/v1/cdrs"), 403u);
    EXPECT_EQ(status_of("p", "/v1/events"), 403u);
    EXPECT_EQ(status_of("p", "/v1/cdrs"), 202u);
    EXPECT_EQ(status_of("a", "/v1/events"), 202u);
    EXPECT_EQ(status_of("s", "/v1/events", "OPTIONS"), 200u);
    EXPECT_EQ(status_of("p", "/v1/events", "OPTIONS"), 403u);
    EXPECT_EQ(status_of("x", "/v1/events", "OPTIONS"), 401u);
}

} // namespace
} // namespace tally::tests
