#include "storage/postgres/sql_session.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_maker.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/test_lane.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <functional>
#include <random>
#include <thread>

// Days, months and the running month always agree with the calls and events, however they were
// computed: counted batch by batch, rolled up, or rebuilt.

namespace tally::storage {
namespace {

using ingest::time_us;
using testing::ElementsAre;
using testing::IsEmpty;
using tests::call_maker;
using tests::execute;
using tests::query_one;
using tests::query_rows;
using tests::test_lane;
using rows_of_text = std::vector<std::string>;

constexpr time_us hour = 3'600LL * ingest::us_per_s;
constexpr char const* whole_year = "'2026-01-01', '2026-12-31'";

/// A thread whose exception makes the test fail.
std::jthread guarded(std::function<void()> work) {
    return std::jthread{[work = std::move(work)] {
        try {
            work();
        } catch (std::exception const& error) {
            ADD_FAILURE() << error.what();
        }
    }};
}

class analytics_schema_test : public testing::Test {
  protected:
    static constexpr int accounts = 4;

    /// Half of the accounts are on a plan whose days are not those of UTC.
    analytics_schema_test() {
        tests::make_telecom(database_, accounts);
        execute(database_, R"sql(
            INSERT INTO rate_plans (id, code, name, time_zone, included_minutes)
                VALUES ('00000000-0000-7000-8000-0000000000ce', 'east', 'East', 'Asia/Kolkata', 10);
            INSERT INTO rates (id, rate_plan_id, prefix)
                VALUES ('00000000-0000-7000-8000-000000000e01',
                        '00000000-0000-7000-8000-0000000000ce', '');
            INSERT INTO rate_steps (rate_id, from_s, price, unit_s, increment_s)
                VALUES ('00000000-0000-7000-8000-000000000e01', 0, 0.123456789, 60, 7);
            UPDATE subscriptions SET rate_plan_id = '00000000-0000-7000-8000-0000000000ce'
                WHERE subscription_number IN ('SUB-3', 'SUB-4'))sql");
    }

    std::string one(std::string_view sql) const { return query_one(database_, sql); }
    std::string rebuild(std::string const& arguments) const {
        return one("SELECT analytics.rebuild_daily(" + arguments + ")");
    }
    rows_of_text days() const {
        return query_rows(database_,
                          "SELECT account_id, subscription_id, day, metric, events, quantity,"
                          " billable_quantity, cost, currency FROM usage_aggregates_daily"
                          " ORDER BY 1, 2, 3, 4");
    }
    rows_of_text months() const {
        return query_rows(database_,
                          "SELECT account_id, subscription_id, year, month, metric, events,"
                          " quantity, billable_quantity, cost, currency"
                          " FROM usage_aggregates_monthly ORDER BY 1, 2, 3, 4, 5");
    }
    rows_of_text months_of_days() const {
        return query_rows(database_, "SELECT account_id, subscription_id, extract(year FROM day),"
                                     " extract(month FROM day), metric, sum(events), sum(quantity),"
                                     " sum(billable_quantity), sum(cost), currency FROM"
                                     " usage_aggregates_daily GROUP BY 1, 2, 3, 4, 5, currency"
                                     " ORDER BY 1, 2, 3, 4, 5");
    }
    std::string roll_up() const { return one("SELECT analytics.roll_up_months()"); }

    /// Calls of all accounts around the turn of April to May, some unanswered, some with
    /// milliseconds.
    std::vector<ingest::cdr> random_calls(std::mt19937& random, int count, int first_account = 1,
                                          int last_account = accounts) {
        auto const pick = [&](int origin, int target) {
            return std::uniform_int_distribution<int>{origin, target}(random);
        };
        std::vector<ingest::cdr> calls;
        for (int i = 0; i < count; ++i) {
            char const* const cursor =
                std::array{"4420", "9198", "1212"}[static_cast<std::size_t>(pick(0, 2))];
            auto call = make_.call(++number_, pick(first_account, last_account), cursor,
                                   pick(0, 3) == 0 ? 0 : pick(1, 500),
                                   call_maker::base - pick(0, 200) * hour -
                                       pick(0, 3599) * ingest::us_per_s);
            if (call.billsec_ms > 0) {
                call.billsec_ms += pick(0, 999);
                call.duration_ms = call.billsec_ms + pick(0, 9000);
            }
            calls.push_back(call);
        }
        return calls;
    }

    std::string database_ = tests::private_postgres::shared().migrated_database();
    call_maker make_;
    std::uint32_t number_ = 0;
};

TEST_F(analytics_schema_test, rebuilds_days_to_what_the_batches_counted) {
    unsigned const seed = std::random_device{}();
    SCOPED_TRACE(seed);
    std::mt19937 random{seed};
    test_lane lane{database_};
    for (int batch = 0; batch < 8; ++batch) {
        lane.store(random_calls(random, 50));
    }
    auto const counted = days();
    ASSERT_GT(counted.size(), 20U);
    ASSERT_NE(one("SELECT count(*) FROM usage_aggregates_daily d WHERE events <>"
                  " (SELECT count(*) FROM cdrs c WHERE c.account_id = d.account_id"
                  " AND (c.start_time AT TIME ZONE 'UTC')::date = d.day)"),
              "0"); // a local day that is not that of UTC

    EXPECT_EQ(rebuild(whole_year), "0");
    EXPECT_EQ(days(), counted);
    EXPECT_EQ(months(), months_of_days());

    execute(database_, R"sql(
        UPDATE usage_aggregates_daily SET cost = cost + 0.000000001 WHERE day = '2026-05-01';
        DELETE FROM usage_aggregates_daily WHERE day = '2026-04-30';
        INSERT INTO usage_aggregates_daily SELECT account_id, subscription_id, day, 'no such metric',
            1, 1, 1, 1, currency, now(), now() FROM usage_aggregates_daily WHERE day = '2026-05-02')sql");
    EXPECT_NE(rebuild(whole_year), "0");
    EXPECT_EQ(days(), counted);
    EXPECT_EQ(months(), months_of_days());

    execute(database_, "TRUNCATE usage_aggregates_daily, usage_aggregates_monthly");
    EXPECT_EQ(rebuild(whole_year), std::to_string(counted.size()));
    EXPECT_EQ(days(), counted);
    EXPECT_EQ(rebuild(whole_year), "0");
}

TEST_F(analytics_schema_test, rebuilds_the_days_of_one_account_alone) {
    std::mt19937 random{1};
    test_lane{database_}.store(random_calls(random, 200));
    auto const counted = days();
    execute(database_, "UPDATE usage_aggregates_daily SET events = 1000");
    std::string const mine = one("SELECT id FROM accounts WHERE account_number = 'ACC-3'");
    std::string const its_days =
        one("SELECT count(*) FROM usage_aggregates_daily WHERE account_id = '" + mine +
            "' AND day >= '2026-05-01'");
    EXPECT_EQ(one("SELECT analytics.rebuild_month('2026-05-17', '" + mine + "')"), its_days);
    EXPECT_EQ(one("SELECT count(*) FROM usage_aggregates_daily WHERE events <> 1000"), its_days);
    EXPECT_EQ(one("SELECT count(DISTINCT account_id) FROM usage_aggregates_monthly"), "1");
    EXPECT_EQ(one("SELECT analytics.rebuild_month('2026-05-01')"),
              one("SELECT count(*) FROM usage_aggregates_daily WHERE account_id <> '" + mine +
                  "' AND day >= '2026-05-01'"));
    EXPECT_NE(rebuild("'2026-04-01', '2026-04-30'"), "0");
    EXPECT_EQ(days(), counted);
    EXPECT_EQ(months(), months_of_days());
}

TEST_F(analytics_schema_test, counts_no_void_call) {
    test_lane{database_}.store(
        {make_.call(1, 1, "4420", 60), make_.call(2, 1, "4420", 60), make_.call(3, 2, "4420", 60)});
    execute(database_, "UPDATE cdrs SET processing_status = 'void' WHERE uuid::text LIKE '%2'");
    EXPECT_EQ(rebuild(whole_year), "1");
    execute(database_, "UPDATE cdrs SET processing_status = 'void'");
    EXPECT_EQ(rebuild(whole_year), "2");
    EXPECT_THAT(days(), IsEmpty());
    EXPECT_THAT(months(), IsEmpty());
}

TEST_F(analytics_schema_test, leaves_a_day_that_was_taken_back_to_nothing) {
    execute(database_,
            "INSERT INTO usage_aggregates_daily SELECT id, id, '2026-05-04', 'calls', 0, 0,"
            " 0, 0, 'INR', now(), now() FROM accounts LIMIT 1");
    EXPECT_EQ(rebuild(whole_year), "0");
    EXPECT_EQ(days().size(), 1U);
}

TEST_F(analytics_schema_test, counts_metered_events_by_the_plans_then_the_accounts_day) {
    execute(database_, R"sql(
        SELECT create_partition('analytics.usage_events', '2026-05-01T20:00Z');
        SELECT create_partition('analytics.usage_events', '2026-05-02T20:00Z');
        UPDATE accounts SET time_zone = 'America/New_York' WHERE account_number = 'ACC-1';
        INSERT INTO usage_events (account_id, occurred_at, source, event_id, type, subscription_id, metric,
                quantity, billable_quantity, cost, currency, source_id, batch_id, received_at)
        SELECT coalesce(s.account_id, a.id, '00000000-0000-0000-0000-000000000000'),
            moment::timestamptz, '/app', name, 'usage', s.id, metric, 2.5, 1.25, -0.000000001, 'INR',
            public.uuid_v7(), public.uuid_v7(), now()
        FROM (VALUES ('a', 'SUB-3', NULL, 'sms', '2026-05-01T20:00Z'),
                     ('b', 'SUB-3', NULL, 'sms', '2026-05-02T12:00Z'),
                     ('c', 'SUB-3', NULL, 'data_mb', '2026-05-02T12:00Z'),
                     ('d', NULL, 'ACC-1', 'sms', '2026-05-02T01:00Z'),
                     ('e', NULL, NULL, 'sms', '2026-05-02T01:00Z')) AS v (name, subscription, account, metric, moment)
        LEFT JOIN subscriptions s ON s.subscription_number = v.subscription
        LEFT JOIN accounts a ON a.account_number = v.account;
        INSERT INTO usage_events (account_id, occurred_at, source, event_id, type, source_id, batch_id, received_at)
        VALUES ('00000000-0000-0000-0000-000000000000', '2026-05-02T01:00Z', '/app', 'f', 'feature.used',
            public.uuid_v7(), public.uuid_v7(), now()))sql");
    EXPECT_EQ(rebuild(whole_year), "4");
    EXPECT_THAT(
        query_rows(
            database_,
            "SELECT coalesce(subscription_number, account_number, 'nobody'), day, metric, events,"
            " quantity, billable_quantity, d.cost FROM usage_aggregates_daily d"
            " LEFT JOIN accounts a ON a.id = account_id"
            " LEFT JOIN subscriptions s ON s.id = subscription_id ORDER BY 1, 2, 3"),
        ElementsAre("ACC-1|2026-05-01|sms|1|2.500000000|1.250000000|-0.000000001",
                    "SUB-3|2026-05-02|data_mb|1|2.500000000|1.250000000|-0.000000001",
                    "SUB-3|2026-05-02|sms|2|5.000000000|2.500000000|-0.000000002",
                    "nobody|2026-05-02|sms|1|2.500000000|1.250000000|-0.000000001"));
    EXPECT_THAT(
        query_rows(database_, "SELECT id, metric_name, quantity, metadata FROM usage_records"
                              " WHERE subscription_id IS NOT NULL ORDER BY id"),
        ElementsAre("a|sms|2.500000000|{}", "b|sms|2.500000000|{}", "c|data_mb|2.500000000|{}"));
    EXPECT_EQ(one("SELECT count(*) FROM usage_records WHERE id = 'f'"), "0");
}

TEST_F(analytics_schema_test, rolls_up_what_changed_and_nothing_else) {
    EXPECT_EQ(roll_up(), "0");
    test_lane lane{database_};
    lane.store({make_.call(1, 1, "4420", 60), make_.call(2, 2, "4420", 60),
                make_.call(3, 2, "4420", 60, call_maker::base - 100 * hour)});
    EXPECT_THAT(months(), IsEmpty());
    EXPECT_EQ(roll_up(), "3");
    EXPECT_EQ(months(), months_of_days());
    EXPECT_EQ(roll_up(), "0");

    lane.store({make_.call(4, 2, "4420", 600, call_maker::base + 30 * hour)});
    EXPECT_EQ(roll_up(), "1");
    EXPECT_EQ(months(), months_of_days());
    EXPECT_EQ(one("SELECT count(*) FROM changed_days"), "0");
}

TEST_F(analytics_schema_test, rolls_up_a_change_that_is_committed_later_than_a_newer_one) {
    test_lane{database_}.store({make_.call(1, 1, "4420", 60), make_.call(2, 2, "4420", 60)});
    EXPECT_EQ(roll_up(), "2");
    auto const change = [](std::string const& account) {
        return "INSERT INTO analytics.changed_days (day) VALUES ('2026-05-04');"
               "UPDATE analytics.usage_aggregates_daily SET events = events + 1, updated_at = now()"
               " WHERE account_id = (SELECT id FROM billing.accounts WHERE account_number = '" +
               account + "')";
    };
    sql_session slow{database_, "test"};
    slow.execute("BEGIN");
    slow.query("SELECT now()"); // its snapshot is older than that of the next
    execute(database_, change("ACC-2"));
    slow.execute(change("ACC-1"));
    EXPECT_EQ(roll_up(), "1");
    slow.execute("COMMIT");
    EXPECT_NE(months(), months_of_days());
    EXPECT_NE(roll_up(), "0");
    EXPECT_EQ(months(), months_of_days());
}

TEST_F(analytics_schema_test, misses_nothing_beside_running_batches) {
    std::atomic<int> storing = 2;
    auto const store_calls = [this, &storing](int lane_number) {
        call_maker make;
        test_lane lane{database_, lane_number};
        for (std::uint32_t n = 0; n < 40; ++n) {
            auto const number = static_cast<std::uint32_t>(lane_number) * 1000 + n;
            lane.store({make.call(number, 1 + 2 * lane_number, "4420", 60),
                        make.call(number + 500, 2 + 2 * lane_number, "4420", 1 + n,
                                  call_maker::base - n * 5 * hour)});
        }
        --storing;
    };
    auto const repeat = [this, &storing](char const* sql) {
        while (storing > 0) {
            execute(database_, sql);
        }
    };
    {
        std::vector<std::jthread> threads;
        threads.push_back(guarded([&] { store_calls(0); }));
        threads.push_back(guarded([&] { store_calls(1); }));
        threads.push_back(guarded([&] { repeat("SELECT analytics.roll_up_months()"); }));
        threads.push_back(
            guarded([&] { repeat("SELECT analytics.rebuild_daily('2026-04-01', '2026-06-01')"); }));
    }
    roll_up();
    EXPECT_EQ(one("SELECT sum(events) FROM usage_aggregates_daily"), "160");
    EXPECT_EQ(months(), months_of_days());
    auto const counted = days();
    EXPECT_EQ(rebuild(whole_year), "0");
    EXPECT_EQ(days(), counted);
    EXPECT_THAT(tests::four_sums(database_), testing::Each(one("SELECT sum(cost) FROM cdrs")));
}

TEST_F(analytics_schema_test, shows_the_running_month_of_each_plans_zone) {
    for (char const* zone : {"UTC", "Pacific/Kiritimati", "Etc/GMT+12", "Asia/Kolkata"}) {
        execute(database_, "TRUNCATE usage_aggregates_daily; UPDATE rate_plans SET time_zone = '" +
                               std::string{zone} + R"sql(';
            INSERT INTO usage_aggregates_daily
            SELECT s.account_id, s.id, d.day::date, metric, 1, power(10, d.place), 2, 0.5, 'INR', now(), now()
            FROM subscriptions s CROSS JOIN (VALUES ('sms'), ('calls')) AS m (metric)
            CROSS JOIN LATERAL (SELECT date_trunc('month', now() AT TIME ZONE ')sql" +
                               zone + R"sql(') AS first) f
            CROSS JOIN LATERAL (VALUES
                (0, first - interval '1 day'), (1, first), (2, first + interval '1 month' - interval '1 day'),
                (3, first + interval '1 month')) AS d (place, day))sql");
        EXPECT_EQ(
            query_rows(database_,
                       "SELECT metric, events, quantity, billable_quantity, cost, currency"
                       " FROM usage_aggregates_current_month WHERE account_id ="
                       " (SELECT id FROM accounts WHERE account_number = 'ACC-1') ORDER BY 1"),
            (rows_of_text{"calls|2|110.000000000|4.000000000|1.000000000|INR",
                          "sms|2|110.000000000|4.000000000|1.000000000|INR"}))
            << zone;
        EXPECT_EQ(one("SELECT count(*) FROM usage_aggregates_current_month"), "8") << zone;
    }
}

TEST_F(analytics_schema_test, refuses_what_makes_no_sense) {
    constexpr char const* check_violation = "23514";
    auto const refused = [this](std::string const& sql) -> std::string {
        try {
            sql_session{database_, "test"}.execute(sql);
        } catch (database_error const& error) {
            return error.sqlstate();
        }
        return "";
    };
    auto const month = [&](char const* year, char const* number) {
        return refused(std::string{"INSERT INTO usage_aggregates_monthly SELECT id, id, "} + year +
                       ", " + number +
                       ", 'calls', 0, 0, 0, 0, 'INR', now(), now() FROM accounts LIMIT 1");
    };
    EXPECT_EQ(month("2026", "13"), check_violation);
    EXPECT_EQ(month("2026", "0"), check_violation);
    EXPECT_EQ(month("1026", "1"), check_violation);
    EXPECT_EQ(month("2026", "12"), "");

    std::string const event =
        "INSERT INTO usage_events (account_id, occurred_at, source, event_id, type, metric,"
        " quantity, billable_quantity, cost, currency, source_id, batch_id, received_at)"
        " SELECT id, '2026-11-21', '/a', '1', 'usage', 'sms', 1, 1, ";
    std::string const rest = ", public.uuid_v7(), public.uuid_v7(), now() FROM accounts LIMIT 1";
    execute(database_, "SELECT create_partition('analytics.usage_events', '2026-11-21')");
    EXPECT_EQ(refused(event + "NULL, 'INR'" + rest), check_violation);
    EXPECT_EQ(refused(event + "1, NULL" + rest), check_violation);
    EXPECT_EQ(refused(event + "1, 'INR'" + rest), "");
    EXPECT_EQ(refused(event + "1, 'INR'" + rest), "23505");

    std::string const request =
        "INSERT INTO api_usage (occurred_at, source, event_id, method, endpoint, status_code,"
        " duration_ms) VALUES (now(), '/a', '1', 'GET', '/v1', ";
    EXPECT_EQ(refused(request + "99, 1)"), check_violation);
    EXPECT_EQ(refused(request + "200, -1)"), check_violation);
    EXPECT_EQ(refused(request + "200, 1)"), "");
    std::string const failure =
        "INSERT INTO error_logs (occurred_at, source, event_id, error_type, message, "
        "resolution, severity) VALUES (now(), '/a', '1', 'io', 'no', ";
    EXPECT_EQ(refused(failure + "'fixed', 'error')"), check_violation);
    EXPECT_EQ(refused(failure + "NULL, 'worse')"), "22P02");
    EXPECT_EQ(refused(failure + "NULL, 'critical')"), "");
    EXPECT_EQ(
        refused(
            "INSERT INTO feature_usage (account_id, user_id, feature, uses_count, first_used_at,"
            " last_used_at) SELECT id, id, 'export', 1, now(), now() - interval '1 s' FROM "
            "accounts"),
        check_violation);
}

} // namespace
} // namespace tally::storage
