#include "storage/lane/event_batch.hpp"

#include "tests/support/billing_fixture.hpp"
#include "tests/support/event_maker.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/test_lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

// The rows that usage events leave in the database, through the lanes of the daemon.

namespace tally::storage {
namespace {

using ingest::event_kind;
using ingest::record_error;
using testing::ElementsAre;
using tests::call_maker;
using tests::query_one;
using tests::query_rows;
using tests::test_lane;

constexpr ingest::time_us day_us = 86'400 * ingest::us_per_s;

class event_batch_test : public ::testing::Test {
  protected:
    event_batch_test() {
        database = tests::private_postgres::shared().migrated_database();
        tests::make_telecom(database, 3);
        tests::execute(database, R"sql(
            INSERT INTO billing.metric_prices (rate_plan_id, name, aggregation, unique_property, included, model, price,
                package)
            SELECT '00000000-0000-7000-8000-0000000000cc', m.* FROM (VALUES
                ('sms', 'sum'::billing.metric_aggregation, NULL, 100::numeric, 'per_unit'::billing.price_model, 0.10::numeric, NULL::numeric),
                ('data_mb', 'sum', NULL, 0, 'package', 2, 1024),
                ('seats', 'max', NULL, 2, 'per_unit', 5, NULL),
                ('storage_gb', 'latest', NULL, 0, 'per_unit', 3, NULL),
                ('visitors', 'unique', 'visitor', 1, 'per_unit', 1, NULL),
                ('api_calls', 'count', NULL, 0, 'per_unit', 0.001, NULL)) AS m)sql");
        tests::execute(database, R"sql(
            INSERT INTO billing.metric_prices (id, rate_plan_id, name, model)
            VALUES ('00000000-0000-7000-8000-000000000e01', '00000000-0000-7000-8000-0000000000cc', 'tokens', 'volume');
            INSERT INTO billing.metric_tiers (metric_price_id, position, up_to, price, flat) VALUES
                ('00000000-0000-7000-8000-000000000e01', 0, 10, 1, 0),
                ('00000000-0000-7000-8000-000000000e01', 1, NULL, 0.5, 2))sql");
    }
    [[nodiscard]] std::string ask(std::string_view sql) const { return query_one(database, sql); }
    /// Expects one sum: the costs of events, balances, usage rows, metric rows and days.
    [[nodiscard]] std::vector<std::string> five_sums() const {
        return query_rows(database, R"sql(
            SELECT ((SELECT coalesce(sum(cost), 0) FROM analytics.usage_events)
                + (SELECT coalesce(sum(cost), 0) FROM billing.cdrs))::numeric(24, 9)
            UNION ALL SELECT sum(100 - balance)::numeric(24, 9) FROM billing.accounts
            UNION ALL SELECT coalesce(sum(total_cost), 0)::numeric(24, 9) FROM billing.subscription_usage
            UNION ALL SELECT ((SELECT coalesce(sum(cost), 0) FROM billing.subscription_metric_usage)
                + (SELECT coalesce(sum(cost), 0) FROM billing.cdrs))::numeric(24, 9)
            UNION ALL SELECT coalesce(sum(cost), 0)::numeric(24, 9) FROM analytics.usage_aggregates_daily)sql");
    }
    void expect_one_sum(std::string const& sum) const {
        EXPECT_THAT(five_sums(), ElementsAre(sum, sum, sum, sum, sum));
    }
    [[nodiscard]] std::string period_of(std::string_view metric) const {
        return ask("SELECT concat_ws('|', events_count, trim_scale(quantity),"
                   " trim_scale(included_quantity_used), trim_scale(cost), version)"
                   " FROM billing.subscription_metric_usage WHERE metric = '" +
                   std::string{metric} + "'");
    }

    std::string database;
    tests::event_maker events;
    tests::call_maker calls;
};

TEST_F(event_batch_test, charges_what_is_beyond_the_included_quantity) {
    test_lane lane{database};
    auto const stored =
        lane.store({events.usage("a", 1, "sms", "99"), events.usage("b", 1, "sms", "3"),
                    events.usage("c", 1, "sms", "0.5")});
    EXPECT_EQ(stored[2].state, entry_state::live);
    EXPECT_EQ(period_of("sms"), "3|102.5|100|0.25|1");
    EXPECT_EQ(ask("SELECT string_agg(trim_scale(cost)::text, ' ' ORDER BY event_id)"
                  " FROM analytics.usage_events"),
              "0 0.2 0.05");
    EXPECT_EQ(ask("SELECT trim_scale(sms_used) FROM billing.subscription_usage"), "102.5");
    expect_one_sum("0.250000000");
    EXPECT_EQ(ask("SELECT string_agg(trim_scale(quantity)::text, ' ' ORDER BY id)"
                  " FROM billing.usage_records WHERE metric_name = 'sms'"),
              "99 3 0.5");
    EXPECT_EQ(ask("SELECT analytics.rebuild_daily('2026-05-01', '2026-05-31')"), "0");
}

TEST_F(event_batch_test, counts_an_event_once_whichever_lane_stores_it) {
    test_lane lane{database};
    test_lane other{database, 1};
    auto const first = events.usage("a", 1, "data_mb", "1500");
    lane.store({first, first});
    EXPECT_EQ(lane.store({first})[0].state, entry_state::duplicate);
    EXPECT_EQ(other.store({first, events.usage("b", 1, "data_mb", "1")})[0].state,
              entry_state::duplicate);
    EXPECT_EQ(period_of("data_mb"), "2|1501|0|4|2");
    EXPECT_EQ(ask("SELECT trim_scale(data_used_mb) FROM billing.subscription_usage"), "1501");
    expect_one_sum("4.000000000");
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.event_identities"), "2");
}

TEST_F(event_batch_test, stores_corrections_whatever_comes_with_them) {
    test_lane lane{database};
    auto const used = [this] {
        return ask("SELECT trim_scale(sms_used) || ' ' || trim_scale(data_used_mb)"
                   " FROM billing.subscription_usage");
    };
    // Of what is yet to come, alone, with others, and of more than was used.
    lane.store({events.usage("a", 1, "sms", "-2"), events.usage("b", 1, "data_mb", "-1.5")});
    EXPECT_EQ(used(), "-2 -1.5");
    lane.store({events.usage("c", 1, "sms", "105"), events.usage("d", 1, "data_mb", "1026")});
    EXPECT_EQ(used(), "103 1024.5");
    lane.store({events.usage("e", 1, "sms", "-1")});
    lane.store({events.usage("f", 1, "sms", "3"), events.usage("g", 1, "data_mb", "-0.5"),
                events.usage("h", 1, "sms", "-2")});
    EXPECT_EQ(used(), "103 1024");
    expect_one_sum("2.300000000"); // 3 messages more than included, one package
    lane.store({events.usage("i", 1, "sms", "-500"), events.usage("j", 1, "data_mb", "-1025")});
    EXPECT_EQ(used(), "-397 -1");
    EXPECT_EQ(period_of("sms"), "6|-397|0|0|5");
    expect_one_sum("0.000000000");
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.suspense"), "0");
    EXPECT_TRUE(lane.retries().empty());
    EXPECT_EQ(ask("SELECT analytics.rebuild_daily('2026-05-01', '2026-05-31')"), "0");
}

TEST_F(event_batch_test, keeps_every_decimal_of_what_is_used) {
    test_lane lane{database};
    lane.store({events.usage("a", 1, "sms", "0.5"), events.usage("b", 1, "data_mb", "0.0000004")});
    lane.store({events.usage("c", 1, "sms", "0.5"), events.usage("d", 1, "data_mb", "0.0000004")});
    lane.store({events.usage("e", 1, "data_mb", "0.000000001")});
    EXPECT_EQ(ask("SELECT trim_scale(sms_used) || ' ' || trim_scale(data_used_mb)"
                  " FROM billing.subscription_usage"),
              "1 0.000000801");
}

TEST_F(event_batch_test, moves_more_metrics_than_it_remembers) {
    test_lane lane{database, 0, 1};
    for (int round = 0; round < 3; ++round) {
        auto const name = std::to_string(round);
        lane.store({events.usage("sms" + name, 1, "sms", "40"),
                    events.usage("mb" + name, 1, "data_mb", "1000"),
                    events.usage("calls" + name, 2, "api_calls", "1")});
    }
    EXPECT_EQ(period_of("sms"), "3|120|100|2|3");
    EXPECT_EQ(period_of("data_mb"), "3|3000|0|6|3");
    EXPECT_EQ(period_of("api_calls"), "3|3|0|0.003|3");
    EXPECT_TRUE(lane.retries().empty());
}

TEST_F(event_batch_test, knows_an_event_again_that_comes_with_another_time) {
    test_lane lane{database};
    lane.store({events.usage("a", 1, "sms", "5")});
    auto late = events.usage("a", 1, "sms", "5", call_maker::base + 40 * day_us);
    test_lane fresh{database};
    EXPECT_EQ(fresh.store({late})[0].state, entry_state::duplicate);
    EXPECT_EQ(ask("SELECT count(*) FROM analytics.usage_events"), "1");
}

TEST_F(event_batch_test, keeps_the_first_of_two_that_disagree) {
    test_lane lane{database};
    lane.store({events.usage("a", 1, "sms", "5")});
    auto const other = test_lane{database}.store({events.usage("a", 1, "sms", "6")});
    EXPECT_EQ(other[0].reason, record_error::conflict);
    EXPECT_EQ(ask("SELECT reason || ' ' || convert_from(payload, 'UTF8') FROM ingest.suspense"),
              "conflict raw of event a");
    EXPECT_EQ(ask("SELECT trim_scale(quantity) FROM billing.subscription_metric_usage"), "5");
}

TEST_F(event_batch_test, stays_exact_when_two_lanes_know_the_same_period) {
    test_lane one{database};
    test_lane two{database, 1};
    for (int round = 0; round < 5; ++round) {
        auto const name = std::to_string(round);
        one.store({events.usage("one" + name, 2, "sms", "30")});
        two.store({events.usage("two" + name, 2, "sms", "31")});
    }
    EXPECT_EQ(period_of("sms"), "10|305|100|20.5|10");
    EXPECT_GT(one.retries().at("stale"), 0);
    expect_one_sum("20.500000000");
}

TEST_F(event_batch_test, moves_one_usage_row_for_calls_and_events_together) {
    test_lane lane{database};
    lane.store({calls.call(1, 1, "4420", 60)},
               {events.usage("a", 1, "api_calls", "1"), events.usage("b", 1, "api_calls", "1")});
    EXPECT_EQ(ask("SELECT concat_ws('|', calls_count, trim_scale(total_cost), version)"
                  " FROM billing.subscription_usage"),
              "1|1.702|1");
    EXPECT_EQ(ask("SELECT string_agg(metric || ' ' || trim_scale(cost), ' ' ORDER BY metric)"
                  " FROM analytics.usage_aggregates_daily"),
              "api_calls 0.002 calls 1.7");
    expect_one_sum("1.702000000");
}

TEST_F(event_batch_test, counts_different_values_once_a_period) {
    auto const visit = [this](std::string id, std::string author, ingest::time_us when) {
        return events.usage(std::move(id), 1, "visitors", "1", when,
                            R"({"visitor":)" + author + "}");
    };
    test_lane lane{database};
    lane.store({visit("1", "\"ann\"", call_maker::base), visit("2", "\"bob\"", call_maker::base),
                visit("3", "\"ann\"", call_maker::base)});
    test_lane fresh{database}; // asks the database
    fresh.store({visit("4", "\"bob\"", call_maker::base), visit("5", "\"eve\"", call_maker::base),
                 visit("6", "\"ann\"", call_maker::base + 30 * day_us)});
    EXPECT_EQ(ask("SELECT string_agg(concat_ws('|', events_count, trim_scale(quantity),"
                  " trim_scale(cost)), ' ' ORDER BY billing_period_start)"
                  " FROM billing.subscription_metric_usage"),
              "5|3|2 1|1|0");
    auto const none = fresh.store({events.usage("7", 1, "visitors", "1")});
    EXPECT_EQ(none[0].reason, record_error::missing_field);
}

TEST_F(event_batch_test, suspends_what_nobody_pays_for) {
    test_lane lane{database};
    auto nobody = events.usage("a", 9, "sms", "1");
    auto by_account = events.usage("b", 1, "sms", "1");
    by_account.account_number = "ACC-77";
    auto by_subscription = events.usage("c", 1, "sms", "1");
    by_subscription.subscription_number = "SUB-77";
    auto const early = events.usage("d", 1, "sms", "1", 1'700'000'000LL * ingest::us_per_s);
    auto const unpriced = events.usage("e", 1, "faxes", "1");
    auto const good = events.usage("f", 1, "sms", "1");
    auto const stored = lane.store({nobody, by_account, by_subscription, early, unpriced, good});
    EXPECT_EQ(stored[0].reason, record_error::unknown_subject);
    EXPECT_EQ(stored[1].reason, record_error::unknown_account);
    EXPECT_EQ(stored[2].reason, record_error::unknown_subscription);
    EXPECT_EQ(stored[3].reason, record_error::no_active_subscription);
    EXPECT_EQ(stored[4].reason, record_error::unknown_metric);
    EXPECT_EQ(stored[5].state, entry_state::live);
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.suspense"), "5");
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.event_identities"), "1");
}

TEST_F(event_batch_test, finds_who_pays_by_account_and_user) {
    test_lane lane{database};
    auto by_account = events.usage("a", 1, "sms", "1");
    by_account.subject = "ACC-2";
    auto by_id = events.usage("b", 1, "sms", "1");
    by_id.subject =
        events.keep(ask("SELECT id FROM billing.accounts WHERE account_number = 'ACC-2'"));
    auto by_user = events.usage("c", 1, "sms", "1");
    by_user.subject = "00000000-0000-7000-8000-0000000000aa"; // whose account is the oldest
    auto by_user_id = events.usage("d", 1, "sms", "1");
    by_user_id.subject = {};
    by_user_id.user_id = *ingest::parse_uuid("00000000-0000-7000-8000-0000000000aa");
    lane.store({by_account, by_id, by_user, by_user_id});
    EXPECT_EQ(ask("SELECT string_agg(event_id || ' ' || account_number, ', ' ORDER BY event_id)"
                  " FROM analytics.usage_events JOIN billing.accounts AS a ON a.id = account_id"),
              "a ACC-2, b ACC-2, c " +
                  ask("SELECT account_number FROM billing.accounts ORDER BY id LIMIT 1") + ", d " +
                  ask("SELECT account_number FROM billing.accounts ORDER BY id LIMIT 1"));
}

TEST_F(event_batch_test, refuses_times_out_of_bounds_and_makes_old_partitions) {
    test_lane lane{database};
    lane.store({events.usage("a", 1, "sms", "1", call_maker::base - 60 * day_us)});
    EXPECT_EQ(ask("SELECT count(*) FROM analytics.usage_events"), "1");
    auto const far =
        events.event("b", event_kind::app_error, "app.error", call_maker::base + 30'000 * day_us);
    EXPECT_EQ(lane.store({far})[0].reason, record_error::time_out_of_bounds);
}

/// A period's costs by hand, whatever the order: F of its total.
TEST_F(event_batch_test, adds_up_the_same_in_any_order) {
    auto const seed = std::random_device{}();
    SCOPED_TRACE("seed " + std::to_string(seed));
    std::mt19937 random{seed};
    std::vector<ingest::event> all;
    for (int i = 0; i < 40; ++i) {
        auto const name = std::to_string(i);
        auto const when = call_maker::base + static_cast<ingest::time_us>(i) * ingest::us_per_s;
        all.push_back(events.usage("sms" + name, 1, "sms", std::to_string(i), when));
        all.push_back(events.usage("seats" + name, 1, "seats", std::to_string(i % 13), when));
        all.push_back(events.usage("gb" + name, 1, "storage_gb", std::to_string(i * 7 % 11), when));
        all.push_back(events.usage("tok" + name, 1, "tokens", "0." + std::to_string(i), when));
    }
    std::shuffle(all.begin(), all.end(), random);
    std::array lanes{std::make_unique<test_lane>(database),
                     std::make_unique<test_lane>(database, 1)};
    for (std::size_t begin = 0; begin < all.size();) {
        auto const size = std::min<std::size_t>(1 + random() % 30, all.size() - begin);
        std::vector<ingest::event> some(all.begin() + static_cast<std::ptrdiff_t>(begin),
                                        all.begin() + static_cast<std::ptrdiff_t>(begin + size));
        lanes[random() % 2]->store(some);
        begin += size;
    }
    EXPECT_EQ(ask("SELECT string_agg(metric || ' ' || trim_scale(quantity) || ' ' || "
                  "trim_scale(cost), ', '"
                  " ORDER BY metric) FROM billing.subscription_metric_usage"),
              // 780 sms, 100 of them free; the last of 39 is 39 * 7 % 11 = 9 GB; tokens: the sum of
              // 0.0 to 0.9 and 0.10 to 0.39 is 4.5 + 7.35 = 11.85, over ten: 0.5 each and 2
              "seats 12 50, sms 780 68, storage_gb 9 27, tokens 11.85 7.925");
    expect_one_sum("152.925000000");
    lanes[0]->store(all);
    expect_one_sum("152.925000000");
    EXPECT_EQ(ask("SELECT analytics.rebuild_daily('2026-05-01', '2026-05-31')"), "0");
}

} // namespace
} // namespace tally::storage
