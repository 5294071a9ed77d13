#include "daemon/monitor/admin_handler.hpp"
#include "daemon/monitor/metrics.hpp"

#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <simdjson.h>

namespace tally::tests {
namespace {

using daemon::daemon_status;
using ingest::http_response;

struct admin_handler : testing::Test {
    daemon::metrics counters;
    daemon_status status{.database_reached = true,
                         .database_up = true,
                         .partition_horizon_s = 7 * 86'400,
                         .catalog_age_s = 1};
    daemon::admin_handler handler{counters, [this] { return status; }, "0.1.0"};

    http_response get(std::string_view path, std::string_view method = "GET") {
        ingest::http_head head;
        head.method = method;
        head.path = path;
        return std::get<http_response>(handler.begin(head));
    }
};

TEST_F(admin_handler, serves_the_metrics) {
    counters.records.accepted.add(42);
    http_response const response = get("/metrics");
    EXPECT_EQ(response.status, 200u);
    EXPECT_EQ(response.content_type, "text/plain; version=0.0.4; charset=utf-8");
    EXPECT_NE(response.body.find("\ntally_records_accepted_total 42\n"), std::string::npos);
    EXPECT_EQ(response.endpoint, "/metrics");
}

TEST_F(admin_handler, is_alive_whatever_the_database_does) {
    status = {.draining = true};
    EXPECT_EQ(get("/healthz").status, 200u);
}

TEST_F(admin_handler, is_ready_when_nothing_stands_in_the_way) {
    EXPECT_EQ(get("/readyz").status, 200u);
    EXPECT_EQ(get("/readyz").body, "{\"ready\":true,\"reasons\":[]}\n");
    status.partition_horizon_s.reset(); // an unknown horizon is not a short one
    EXPECT_EQ(get("/readyz").status, 200u);
}

TEST_F(admin_handler, says_why_it_is_not_ready) {
    daemon_status const good = status;
    status.draining = true;
    EXPECT_EQ(get("/readyz").status, 503u);
    EXPECT_EQ(get("/readyz").body, "{\"ready\":false,\"reasons\":[\"draining\"]}\n");
    status = good;
    status.catalog_age_s.reset();
    EXPECT_EQ(get("/readyz").body, "{\"ready\":false,\"reasons\":[\"catalog_not_loaded\"]}\n");
    status.sources_cached = true;
    EXPECT_EQ(get("/readyz").status, 200u)
        << "pushes are authorized by the sources of an earlier run";
    status = good;
    status.journal_full = true;
    EXPECT_EQ(get("/readyz").body, "{\"ready\":false,\"reasons\":[\"journal_full\"]}\n");
    status = good;
    status.journal_missing = {{"journal:s", 3, 7}};
    EXPECT_EQ(get("/readyz").body, "{\"ready\":false,\"reasons\":[\"journal_records_missing\"]}\n");
    status = good;
    status.parts = {{"lane 0", "waiting_for_database", 99, false}};
    EXPECT_EQ(get("/readyz").status, 200u) << "waiting for the database is not standing still";
    status.parts.push_back({"journal writer", "working", 31, true});
    EXPECT_EQ(get("/readyz").body, "{\"ready\":false,\"reasons\":[\"standing_still\"],"
                                   "\"standing_still\":[{\"part\":\"journal writer\","
                                   "\"state\":\"working\",\"seconds\":31}]}\n");
    EXPECT_EQ(get("/readyz").status, 503u);
    status.parts = {{"lane 1", "refused_by_database", 31, true, "42501: permission denied"}};
    EXPECT_THAT(get("/readyz").body,
                testing::HasSubstr("\"state\":\"refused_by_database\",\"seconds\":31,"
                                   "\"detail\":\"42501: permission denied\"}]"));
    status = good;
    status.database_up = false;
    EXPECT_EQ(get("/readyz").status, 200u) << "the journal takes records meanwhile";
    status = good;
    status.partition_horizon_s = daemon::partition_horizon_s_min;
    EXPECT_EQ(get("/readyz").status, 200u);
    status.partition_horizon_s = daemon::partition_horizon_s_min - 1;
    status.draining = true;
    EXPECT_EQ(get("/readyz").body,
              "{\"ready\":false,\"reasons\":[\"draining\",\"partition_horizon_short\"]}\n");
}

TEST_F(admin_handler, tells_its_status) {
    counters.records.accepted.add(3);
    counters.records.duplicate.add(1);
    status.lanes = {{0, 17, 1'700'000'000}, {1, 0, {}}};
    status.database_detail = "could not connect: \"\xff\"";
    status.subscriptions = 20'000;
    status.catalog_age_s = 12;
    status.journal_missing = {{"journal:s", 3, 7}};
    http_response const response = get("/status");
    EXPECT_EQ(response.content_type, "application/json");
    simdjson::dom::parser parser;
    simdjson::dom::element json;
    ASSERT_FALSE(parser.parse(response.body).get(json)) << response.body;
    EXPECT_EQ(std::string_view{json["version"]}, "0.1.0");
    EXPECT_GE(std::int64_t{json["uptime_s"]}, 0);
    EXPECT_FALSE(bool{json["ready"]});
    EXPECT_EQ(std::string_view{json.at_pointer("/journal/missing/0/stream")}, "journal:s");
    EXPECT_EQ(std::uint64_t{json.at_pointer("/journal/missing/0/first_record")}, 3u);
    EXPECT_EQ(std::uint64_t{json.at_pointer("/journal/missing/0/end_record")}, 7u);
    EXPECT_FALSE(bool{json["draining"]});
    EXPECT_TRUE(bool{json["database"]["up"]});
    EXPECT_EQ(std::int64_t{json["database"]["partition_horizon_s"]}, 7 * 86'400);
    EXPECT_EQ(std::uint64_t{json.at_pointer("/lanes/0/queue_records")}, 17u);
    EXPECT_EQ(std::int64_t{json.at_pointer("/lanes/0/last_commit_s")}, 1'700'000'000);
    EXPECT_TRUE(json.at_pointer("/lanes/1/last_commit_s").is_null());
    EXPECT_EQ(std::uint64_t{json["catalog"]["subscriptions"]}, 20'000u);
    EXPECT_EQ(std::int64_t{json["catalog"]["age_s"]}, 12);
    EXPECT_EQ(std::uint64_t{json["records"]["accepted"]}, 3u);
    EXPECT_EQ(std::uint64_t{json["records"]["duplicate"]}, 1u);
}

TEST_F(admin_handler, takes_get_and_head_only) {
    for (std::string_view const path : {"/metrics", "/healthz", "/readyz", "/status"}) {
        EXPECT_EQ(get(path, "HEAD").status, 200u);
        http_response const response = get(path, "POST");
        EXPECT_EQ(response.status, 405u);
        ASSERT_EQ(response.fields.size(), 1u);
        EXPECT_EQ(response.fields[0].first, "Allow");
        EXPECT_EQ(response.fields[0].second, "GET, HEAD");
    }
    EXPECT_EQ(get("/").status, 404u);
    EXPECT_EQ(get("/metrics/").status, 404u);
    EXPECT_EQ(get("/secrets").endpoint, "other");
}

} // namespace
} // namespace tally::tests
