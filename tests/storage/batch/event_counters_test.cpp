#include "storage/batch/event_statements.hpp"

#include "tests/support/billing_fixture.hpp"
#include "tests/support/event_maker.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/stored_row.hpp"
#include "tests/support/test_lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

// Reports of applications about themselves: facts, and the counters that are kept with them.

namespace tally::storage {
namespace {

using ingest::event_kind;
using testing::ElementsAre;
using tests::call_maker;
using tests::query_one;
using tests::query_rows;
using tests::test_lane;

class event_counters_test : public ::testing::Test {
  protected:
    event_counters_test() {
        database = tests::private_postgres::shared().migrated_database();
        tests::make_telecom(database, 2);
    }
    [[nodiscard]] std::string ask(std::string_view sql) const { return query_one(database, sql); }

    ingest::event request(std::string id, std::string endpoint, int status, std::int64_t ms) {
        auto made = events.event(std::move(id), event_kind::api_request, "api.request");
        made.account_number = "ACC-1";
        made.ip_address = "2001:db8::7";
        ingest::api_request_data data;
        data.method = "GET";
        data.endpoint = events.keep(std::move(endpoint));
        data.status_code = status;
        data.duration_ms = ms;
        data.response_bytes = 100;
        made.event_data = data;
        return made;
    }
    ingest::event error(std::string id, std::string severity, std::string message, int second) {
        auto made = events.event(std::move(id), event_kind::app_error, "app.error",
                                 call_maker::base + second * ingest::us_per_s);
        ingest::app_error_data event_data;
        event_data.severity = events.keep(std::move(severity));
        event_data.error_type = "TimeoutError";
        event_data.message = events.keep(std::move(message));
        event_data.fingerprint = "f1";
        event_data.service = "web";
        made.event_data = event_data;
        return made;
    }
    ingest::event use(std::string id, std::string feature, std::int64_t uses, int second,
                      std::string properties) {
        auto made = events.event(std::move(id), event_kind::feature_used, "feature.used",
                                 call_maker::base + second * ingest::us_per_s);
        made.user_id = *ingest::parse_uuid("00000000-0000-7000-8000-0000000000aa");
        made.properties = made.data = events.keep(std::move(properties));
        made.event_data =
            ingest::feature_used_data{events.keep(std::move(feature)), "reports", uses};
        return made;
    }

    std::string database;
    tests::event_maker events;
};

TEST_F(event_counters_test, keeps_requests_and_counts_them_by_route) {
    test_lane lane{database};
    lane.store({request("a", "/v1/users/{id}", 200, 12), request("b", "/v1/users/{id}", 404, 7),
                request("c", "/v1/pay", 503, ingest::not_given)});
    test_lane{database, 1}.store(
        {request("d", "/v1/users/{id}", 200, 30), request("a", "/v1/users/{id}", 200, 12)});
    EXPECT_EQ(ask("SELECT count(*) FROM analytics.api_usage_daily"), "2");
    tests::stored_row{database, "analytics.api_usage_daily", "endpoint = '/v1/pay'"}
        .has("requests", "1")
        .has("client_errors", "0")
        .has("server_errors", "1")
        .has("timed_requests", "0")
        .has("duration_ms_total", "0")
        .has_null("duration_ms_max")
        .has("request_bytes", "0")
        .has("response_bytes", "100");
    tests::stored_row{database, "analytics.api_usage_daily", "endpoint = '/v1/users/{id}'"}
        .has("requests", "3")
        .has("client_errors", "1")
        .has("server_errors", "0")
        .has("timed_requests", "3")
        .has("duration_ms_total", "49")
        .has("duration_ms_max", "30")
        .has("request_bytes", "0")
        .has("response_bytes", "300");
    EXPECT_EQ(ask("SELECT concat_ws('|', method, status_code, duration_ms, ip_address, account_id "
                  "IS NOT NULL)"
                  " FROM analytics.api_usage WHERE event_id = 'a'"),
              "GET|200|12|2001:db8::7|t");
    EXPECT_EQ(ask("SELECT analytics.rebuild_api_usage_daily('2026-05-01', '2026-05-31')"), "0");
    tests::execute(database,
                   "UPDATE analytics.api_usage_daily SET requests = 7 WHERE endpoint = '/v1/pay'");
    EXPECT_EQ(ask("SELECT analytics.rebuild_api_usage_daily('2026-05-01', '2026-05-31')"), "1");
}

TEST_F(event_counters_test, counts_repeated_errors_in_any_order) {
    std::vector<ingest::event> const all{
        error("a", "warning", "slow", 1), error("b", "error", "slower", 3),
        error("c", "info", "fine", 2), error("d", "debug", "zzz", 0)};
    std::array order{0, 1, 2, 3};
    std::string first;
    do {
        tests::execute(
            database,
            "TRUNCATE analytics.error_logs, analytics.error_groups, ingest.event_identities");
        test_lane lane{database};
        for (int const index : order) {
            lane.store({all[static_cast<std::size_t>(index)]});
        }
        auto const group =
            ask("SELECT concat_ws('|', service, fingerprint, severity, message, occurrences,"
                " last_seen_at - first_seen_at) FROM analytics.error_groups");
        EXPECT_EQ(group, "web|f1|error|slower|4|00:00:03");
    } while (std::next_permutation(order.begin(), order.end()));
    EXPECT_EQ(ask("SELECT count(*) FROM analytics.error_logs WHERE fingerprint = 'f1'"), "4");
}

TEST_F(event_counters_test, counts_features_by_user) {
    test_lane lane{database};
    lane.store(
        {use("a", "export", 1, 5, R"({"as":"pdf"})"), use("b", "export", 2, 9, R"({"as":"csv"})")});
    lane.store({use("c", "export", 1, 1, R"({"as":"xls"})"), use("d", "share", 1, 1, "")});
    EXPECT_THAT(query_rows(database,
                           "SELECT feature, uses_count, last_used_at - first_used_at, category,"
                           " properties ->> 'as' FROM analytics.feature_usage ORDER BY feature"),
                ElementsAre("export|4|00:00:08|reports|csv", "share|1|00:00:00|reports|"));
    EXPECT_EQ(ask("SELECT count(*) FROM analytics.usage_events WHERE type = 'feature.used'"), "4");
    lane.store({use("a", "export", 1, 5, R"({"as":"pdf"})")});
    EXPECT_EQ(ask("SELECT sum(uses_count) FROM analytics.feature_usage"), "5");
}

} // namespace
} // namespace tally::storage
