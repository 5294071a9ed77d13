#include "tests/daemon/end_to_end/story_fixture.hpp"
#include "tests/support/call_json.hpp"

#include <gmock/gmock.h>

// A telecom customer's month: calls, messages and data on one subscription, one bill.

namespace tally {
namespace {

using testing::Each;
using testing::ElementsAre;

class month_story : public tests::story_fixture {
  protected:
    month_story() {
        tests::make_telecom(database, 2);
        sql(R"sql(
            UPDATE billing.rate_plans SET time_zone = 'Asia/Kolkata';
            INSERT INTO billing.metric_prices (rate_plan_id, name, unit, included, model, price, package)
                VALUES ('00000000-0000-7000-8000-0000000000cc', 'sms', 'message', 3, 'per_unit', 0.25, NULL),
                       ('00000000-0000-7000-8000-0000000000cc', 'data_mb', 'MB', 0, 'package', 10, 1024))sql");
        EXPECT_EQ(daemon->wait_ready(), true);
        daemon->send(SIGHUP); // loads the new plan at once
        expect_priced();
    }
    /// Waits until the daemon knows the metric, by events of quantity 0: before, they are
    /// suspended.
    void expect_priced() {
        for (int i = 0; i < 200 && ask("SELECT count(*) FROM analytics.usage_events") == "0"; ++i) {
            tests::http_request(daemon->http_port(), "POST", "/v1/events?ack=commit",
                                used("sms", "0", "2026-05-03T00:00:00Z").text());
            sql("DELETE FROM ingest.suspense");
        }
    }
    tests::event_json used(std::string const& metric, std::string const& quantity,
                           std::string_view time) {
        return event("usage", time)
            .with("subject", "SUB-1")
            .data(tests::json_object{}.with("metric", metric).with("quantity", quantity));
    }
    void call(int number, std::string const& destination, int seconds, std::int64_t start) {
        auto const body = tests::call_json{number}
                              .with("destination", destination)
                              .lasting(start, seconds)
                              .text();
        EXPECT_EQ(
            tests::http_request(daemon->http_port(), "POST", "/v1/cdrs?ack=commit", body).status,
            200U);
    }
    [[nodiscard]] std::vector<std::string> sums() const {
        return rows(R"sql(
            SELECT ((SELECT sum(cost) FROM billing.cdrs) + (SELECT sum(cost) FROM analytics.usage_events))::numeric(24, 4)
            UNION ALL SELECT sum(100 - balance)::numeric(24, 4) FROM billing.accounts
            UNION ALL SELECT sum(total_cost)::numeric(24, 4) FROM billing.subscription_usage
            UNION ALL SELECT sum(cost)::numeric(24, 4) FROM analytics.usage_aggregates_daily)sql");
    }
};

TEST_F(month_story, adds_up_calls_messages_and_data_on_one_bill) {
    constexpr std::int64_t monday = 1'777'881'600; // 2026-05-04T08:00:00Z
    call(1, "9198", 300, monday);                  // inside the ten included minutes
    call(2, "4420", 70, monday + 600);
    push({used("sms", "2", "2026-05-04T05:00:00Z"), used("sms", "4", "2026-05-05T05:00:00Z"),
          used("data_mb", "1000.5", "2026-05-04T05:00:00Z"),
          used("data_mb", "23.5", "2026-05-11T05:00:00Z"),
          used("data_mb", "0.000000001", "2026-05-12T05:00:00Z")});
    // 1.94 for the call, 3 messages that are not included, two packages of data
    EXPECT_THAT(sums(), Each("22.6900"));
    EXPECT_THAT(rows("SELECT calls_count, seconds_used, included_seconds_used, "
                     "trim_scale(sms_used), trim_scale(data_used_mb),"
                     " trim_scale(total_cost) FROM billing.subscription_usage"),
                ElementsAre("2|372|300|6|1024.000000001|22.69"));
    EXPECT_THAT(rows("SELECT metric_name, trim_scale(sum(quantity)), trim_scale(sum(cost)) FROM "
                     "billing.usage_records"
                     " GROUP BY 1 ORDER BY 1"),
                ElementsAre("data_mb|1024.000000001|20", "sms|6|0.75"));

    // The month is rolled up; a late message corrects a closed day, in local time.
    EXPECT_EQ(tallyd({"maintain", "rollup"}).exit_code, 0);
    auto const monthly = [this] {
        return rows(
            "SELECT metric, events, trim_scale(cost) FROM analytics.usage_aggregates_monthly"
            " WHERE (year, month) = (2026, 5) ORDER BY metric");
    };
    EXPECT_THAT(monthly(), ElementsAre("calls|2|1.94", "data_mb|3|20", "sms|3|0.75"));
    push({used("sms", "1", "2026-05-06T19:00:00Z")}); // half past midnight in local time
    EXPECT_EQ(ask("SELECT trim_scale(cost) FROM analytics.usage_aggregates_daily WHERE metric = "
                  "'sms' AND day = '2026-05-07'"),
              "0.25");
    EXPECT_EQ(tallyd({"maintain", "rollup"}).exit_code, 0);
    EXPECT_THAT(monthly(), ElementsAre("calls|2|1.94", "data_mb|3|20", "sms|4|1"));
    EXPECT_THAT(sums(), Each("22.9400"));

    push_all_again();
    EXPECT_THAT(sums(), Each("22.9400"));
    EXPECT_EQ(ask("SELECT analytics.rebuild_month('2026-05-17')"), "0");
    EXPECT_THAT(monthly(), ElementsAre("calls|2|1.94", "data_mb|3|20", "sms|4|1"));
}

} // namespace
} // namespace tally
