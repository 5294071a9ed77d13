#include "ingest/push/handler.hpp"

#include "ingest/push/response.hpp"
#include "tests/ingest/push/compress.hpp"
#include "tests/ingest/push/fixture.hpp"

#include <gtest/gtest.h>
#include <simdjson.h>

namespace tally::tests {
namespace {

struct push_handler : push_fixture {};

using totals = recording_observer::totals;

TEST_F(push_handler, accepts_records_once_they_are_stored) {
    sink.options = push_test_sink::finishing::on_order;
    send({}, "ok\nbad no start\nok");
    EXPECT_FALSE(*response);
    EXPECT_EQ(observer.sums(), totals{});
    sink.finish_all();
    EXPECT_EQ(status(), 202u);
    EXPECT_EQ((*response)->content_type, "application/json");
    EXPECT_EQ(body(), R"({"received":3,"accepted":2,"rejected":1,"errors":[{"index":1,)"
                      R"("code":"missing_field","field":"start_time","detail":"no start"}]})");
    EXPECT_EQ(observer.sums(), (totals{3, 2, 1, 1}));
    std::vector<taken_block> const taken{{"local", "canonical", 2, {"bad no start"}, false}};
    EXPECT_EQ(sink.taken(), taken);
    EXPECT_EQ(sink.bytes_held(), 0u);
}

TEST_F(push_handler, tells_what_was_committed_when_asked) {
    sink.options = push_test_sink::finishing::on_order;
    send({.query = "ack=commit"}, "ok\nok\nok");
    sink.finish_all(true, 1);
    EXPECT_EQ(status(), 200u);
    EXPECT_EQ(body(), R"({"received":3,"accepted":3,"rejected":0,"committed":2,"duplicate":1,)"
                      R"("suspended":0,"errors":[]})");
}

TEST_F(push_handler, a_duplicate_is_a_success) {
    sink.options = push_test_sink::finishing::on_order;
    send({}, "ok");
    sink.finish_all(true, 1);
    EXPECT_EQ(status(), 202u);
    EXPECT_EQ(body(), R"({"received":1,"accepted":1,"rejected":0,"errors":[]})");
}

TEST_F(push_handler, answers_422_when_all_records_are_rejected) {
    send({}, "bad one\nbad two");
    EXPECT_EQ(status(), 422u);
    EXPECT_EQ((*response)->content_type, "application/json");
    EXPECT_EQ(body(),
              R"({"type":"about:blank","title":"Unprocessable Content","status":422,)"
              R"("detail":"none of the records was accepted",)"
              R"("received":2,"accepted":0,"rejected":2,"errors":[)"
              R"({"index":0,"code":"missing_field","field":"start_time","detail":"one"},)"
              R"({"index":1,"code":"missing_field","field":"start_time","detail":"two"}]})");
    EXPECT_TRUE(sink.taken().empty());
    EXPECT_EQ(sink.bytes_held(), 0u);
    EXPECT_EQ(observer.sums(), (totals{2, 0, 2, 0}));
}

TEST_F(push_handler, counts_skipped_records_apart) {
    send({}, "skip\nok\nskip");
    EXPECT_EQ(body(), R"({"received":1,"accepted":1,"rejected":0,"skipped":2,"errors":[]})");
    send({}, "skip");
    EXPECT_EQ(status(), 202u);
    EXPECT_EQ(body(), R"({"received":0,"accepted":0,"rejected":0,"skipped":1,"errors":[]})");
    EXPECT_EQ(observer.sums(), (totals{1, 1, 0, 1}));
}

TEST_F(push_handler, lists_a_bounded_number_of_errors) {
    std::string many = "ok\n";
    for (std::size_t i = 0; i < ingest::errors_listed_max + 1; ++i)
        many += "bad " + std::string(5'000, 'x') + "\n";
    send({}, many);
    EXPECT_EQ(status(), 202u);
    EXPECT_LT(body().size(), 60'000u);
    EXPECT_NE(body().find(R"("rejected":101)"), std::string::npos);
    EXPECT_NE(body().find(R"("errors_truncated":true)"), std::string::npos);
    EXPECT_NE(body().find(R"({"index":100,)"), std::string::npos);
    EXPECT_EQ(body().find(R"({"index":101,)"), std::string::npos);
}

TEST_F(push_handler, answers_valid_json_whatever_the_records_hold) {
    for (int byte = 0; byte < 256; ++byte) {
        if (byte == '\n')
            continue;
        send({}, std::string{"ok\nbad \""} + static_cast<char>(byte) + "\\\xe2\x82");
        simdjson::dom::parser parser;
        simdjson::dom::element element;
        EXPECT_FALSE(parser.parse(body()).get(element)) << byte << ' ' << body();
    }
}

TEST_F(push_handler, gives_back_to_applications_what_cannot_be_taken_apart) {
    send({}, "!");
    expect_problem(400, "it begins with '!'");
    EXPECT_NE(body().find(R"("code":"not_json")"), std::string::npos);
    send({}, "");
    expect_problem(400, "empty");
    EXPECT_EQ(observer.sums(), totals{});
}

TEST_F(push_handler, takes_everything_from_a_switch) {
    send({.path = "/v1/cdrs/switch"}, "ok\nbad no start");
    EXPECT_EQ(status(), 202u);
    EXPECT_EQ(body(), R"({"received":2,"accepted":2,"rejected":0,"errors":[{"index":1,)"
                      R"("code":"missing_field","field":"start_time","detail":"no start"}]})");
    send({.path = "/v1/cdrs/switch"}, "bad only");
    EXPECT_EQ(status(), 202u);
    send({.path = "/v1/cdrs/switch", .query = "ack=commit?uuid=1"}, "! not to be read");
    EXPECT_EQ(status(), 200u);
    EXPECT_NE(body().find(R"("accepted":1,"rejected":0,"committed":0,"duplicate":0,"suspended":1)"),
              std::string::npos)
        << body();
    std::vector<taken_block> const taken{{"local", "switch", 1, {"bad no start"}, true},
                                         {"local", "switch", 0, {"bad only"}, true},
                                         {"local", "switch", 0, {"! not to be read"}, true}};
    EXPECT_EQ(sink.taken(), taken);
    EXPECT_EQ(observer.sums(), (totals{4, 4, 0, 3}));
    EXPECT_EQ(sink.bytes_held(), 0u);
}

TEST_F(push_handler, answers_a_switch_that_sends_nothing_to_keep) {
    send({.path = "/v1/cdrs/switch"}, "");
    EXPECT_EQ(status(), 200u);
    send({.path = "/v1/cdrs/switch"}, "skip");
    EXPECT_EQ(status(), 200u);
    EXPECT_TRUE(sink.taken().empty());
}

TEST_F(push_handler, does_not_confirm_what_was_given_up) {
    sink.options = push_test_sink::finishing::on_order;
    for (std::string const path : {"/v1/cdrs", "/v1/cdrs/switch"}) {
        send({.path = path}, "ok");
        sink.finish_all(false);
        expect_problem(503, "again");
        EXPECT_NE(field("Retry-After"), "");
    }
    EXPECT_EQ(observer.sums(), totals{});
}

TEST_F(push_handler, says_that_sending_again_is_safe_when_time_is_up) {
    sink.options = push_test_sink::finishing::on_order;
    send({}, "ok");
    ASSERT_TRUE(exchange);
    *response = exchange->timed_out();
    EXPECT_EQ(status(), 503u);
    EXPECT_NE(body().find("safe"), std::string::npos);
    EXPECT_NE(field("Retry-After"), "");
    EXPECT_EQ((*response)->endpoint, "/v1/cdrs");
    exchange.reset();
    sink.finish_all();
    EXPECT_EQ(observer.sums(), (totals{1, 1, 0, 1})); // stored and counted all the same
}

TEST_F(push_handler, refuses_load_before_the_body_is_read) {
    sink.bytes_max = 10;
    send({}, "ok\nok\nok\nok");
    expect_problem(503, "no room");
    EXPECT_EQ(field("Retry-After"), "1");
    sink.is_closed = true;
    send({}, "ok");
    expect_problem(503, "stopping");
    sink.is_closed = false;
    sink.closes_on_push = true;
    send({}, "ok");
    expect_problem(503, "stopping");
    sink.has_sources = false;
    send({}, "ok");
    expect_problem(503, "starting");
}

TEST_F(push_handler, bounds_bodies_by_the_lower_of_two_limits) {
    settings.body_bytes_max = 20;
    send({}, std::string(20, 'o'));
    EXPECT_EQ(status(), 202u);
    send({}, std::string(21, 'o'));
    expect_problem(413, "20 bytes");
    send({.with = {{"Content-Encoding", "gzip"}}}, gzipped(std::string(1'000, 'o')).substr(0, 20));
    expect_problem(413, "20 bytes");
}

TEST_F(push_handler, expands_compressed_bodies) {
    std::string const plain = "ok\nok";
    for (auto const& [coding, sent] : {std::pair{"gzip", gzipped(plain)},
                                       {"X-GZIP", gzipped("ok\n") + gzipped("ok")},
                                       {"deflate", zlib_deflated(plain)},
                                       {"zstd", zstd_compressed(plain)},
                                       {"identity", plain}}) {
        send({.with = {{"content-encoding", coding}}}, sent);
        EXPECT_EQ(status(), 202u) << coding << body();
        EXPECT_NE(body().find(R"("accepted":2)"), std::string::npos) << coding;
    }
    EXPECT_EQ(sink.bytes_held(), 0u);
}

TEST_F(push_handler, refuses_codings_that_it_does_not_know) {
    send({.with = {{"Content-Encoding", "br"}}}, "ok");
    expect_problem(415, "gzip");
    EXPECT_NE(field("Accept-Encoding").find("zstd"), std::string::npos);
}

TEST_F(push_handler, gives_back_damaged_compression_but_keeps_that_of_a_switch) {
    std::string const cut = gzipped("ok\nok").substr(0, 15);
    send({.with = {{"Content-Encoding", "gzip"}}}, cut);
    expect_problem(400, "cut off");
    send({.path = "/v1/cdrs/switch", .with = {{"Content-Encoding", "gzip"}}}, cut);
    EXPECT_EQ(status(), 202u);
    std::vector<taken_block> const taken{{"local", "switch", 0, {cut}, true}};
    EXPECT_EQ(sink.taken(), taken);
}

TEST_F(push_handler, a_bomb_costs_no_more_than_the_limit) {
    std::string const bomb = gzipped(std::string(40'000'000, 'o'));
    for (std::string const path : {"/v1/cdrs", "/v1/cdrs/switch"}) {
        send({.path = path, .with = {{"Content-Encoding", "gzip"}}}, bomb);
        expect_problem(413, "bytes");
    }
    EXPECT_LE(sink.bytes_held_max(), settings.body_bytes_max + bomb.size() + 1);
    sink.bytes_max = 1'000'000;
    send({.with = {{"Content-Encoding", "gzip"}}}, bomb);
    expect_problem(503, "no room");
}

TEST_F(push_handler, judges_the_content_type_of_applications_only) {
    for (std::string const type :
         {"", "application/json", "application/x-ndjson; charset=utf-8", "application/jsonl",
          "text/plain", "application/octet-stream", "application/x-www-form-urlencoded"}) {
        send({.with = {{"Content-Type", type}}}, "ok");
        EXPECT_EQ(status(), 202u) << type;
    }
    for (std::string const type : {"image/png", "Text/HTML", "multipart/form-data; boundary=x"}) {
        send({.with = {{"Content-Type", type}}}, "ok");
        expect_problem(415, type);
        send({.path = "/v1/cdrs/switch", .with = {{"Content-Type", type}}}, "ok");
        EXPECT_EQ(status(), 202u) << type;
    }
}

TEST_F(push_handler, knows_its_addresses) {
    send({.path = "/v1/cdrs/canonical"}, "ok");
    EXPECT_EQ(status(), 202u);
    EXPECT_EQ((*response)->endpoint, "/v1/cdrs/canonical");
    for (std::string const path : {"/", "/v1", "/v2/cdrs", "/v1/cdrsx"}) {
        send({.path = path}, "ok");
        expect_problem(404, "/v1/cdrs");
        EXPECT_EQ((*response)->endpoint, "other");
    }
    for (std::string const path : {"/v1/cdrs/", "/v1/cdrs/nothing", "/v1/cdrs/files"}) {
        send({.path = path}, "ok");
        expect_problem(404, "/v1/cdrs/switch");
    }
    for (std::string const method : {"GET", "HEAD", "PUT", "OPTIONS", "post"}) {
        send({.method = method}, "");
        expect_problem(405, "POST");
        EXPECT_EQ(field("Allow"), "POST");
    }
    send({.query = "ack=later"}, "ok");
    expect_problem(400, "commit");
}

} // namespace
} // namespace tally::tests
