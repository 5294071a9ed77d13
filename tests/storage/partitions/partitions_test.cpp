#include "storage/partitions/partitions.hpp"
#include "storage/postgres/database_error.hpp"

#include "storage/batch/batch_writer.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

namespace {

using namespace tally;
using namespace tally::tests;
using storage::cdr_partitions;
using storage::partition_policy;
using testing::ElementsAre;

constexpr std::int32_t today = 20'577; // 2026-05-04
constexpr ingest::time_us noon = (today * 86'400LL + 43'200) * ingest::us_per_s;
constexpr partition_policy policy{10, 2, 3};

class partitions : public testing::Test {
  protected:
    std::vector<std::int32_t> ensure(cdr_partitions& with, std::vector<std::int32_t> const& days) {
        std::vector<std::int32_t> refused;
        auto const status = with.ensure(connection, days, today, refused);
        EXPECT_TRUE(status.ok()) << status.detail;
        return refused;
    }
    [[nodiscard]] std::vector<std::string> names() const {
        return query_rows(database, "SELECT inhrelid::regclass::text FROM pg_inherits"
                                    " WHERE inhparent = 'billing.cdrs'::regclass ORDER BY 1");
    }

    std::string database = private_postgres::shared().migrated_database();
    storage::pq_connection connection{database, "tallyd test"};
};

TEST_F(partitions, are_made_once_and_written_down) {
    cdr_partitions one{policy};
    EXPECT_THAT(ensure(one, {today, today - 1, today}), ElementsAre());
    cdr_partitions other{policy};
    EXPECT_THAT(ensure(other, {today - 1, today}), ElementsAre());
    EXPECT_THAT(names(), ElementsAre("cdrs_p20260503", "cdrs_p20260504"));
    EXPECT_THAT(
        query_rows(database, "SELECT table_name, partition_name, lower_bound, upper_bound,"
                             " state FROM ingest.partitions WHERE table_name = 'billing.cdrs'"
                             " ORDER BY 2"),
        ElementsAre("billing.cdrs|cdrs_p20260503|2026-05-03 00:00:00+00|2026-05-04 00:00:00+00|"
                    "open",
                    "billing.cdrs|cdrs_p20260504|2026-05-04 00:00:00+00|2026-05-05 00:00:00+00|"
                    "open"));
}

TEST_F(partitions, carry_one_index_and_the_checks_of_their_parent) {
    cdr_partitions one{policy};
    ensure(one, {today});
    EXPECT_EQ(query_one(database, "SELECT string_agg(indexdef, ';') FROM pg_indexes"
                                  " WHERE tablename = 'cdrs_p20260504'"),
              "CREATE UNIQUE INDEX cdrs_p20260504_pkey ON billing.cdrs_p20260504 USING btree"
              " (account_id, start_time, uuid)");
    EXPECT_EQ(query_one(database, "SELECT string_agg(conname, ' ' ORDER BY conname) FROM"
                                  " pg_constraint WHERE contype = 'c'"
                                  " AND conrelid = 'billing.cdrs_p20260504'::regclass"),
              "cdrs_p20260504_bounds cdrs_times");
}

TEST_F(partitions, carry_all_indexes_from_the_start_when_told_to) {
    partition_policy eager = policy;
    eager.eager_indexes = true;
    cdr_partitions one{eager};
    ensure(one, {today});
    EXPECT_EQ(query_one(database, "SELECT count(*) FROM pg_indexes"
                                  " WHERE tablename = 'cdrs_p20260504'"),
              "9");
}

TEST_F(partitions, of_every_partitioned_table_are_made_ahead) {
    execute(database, "CREATE TABLE ingest.probes (at timestamptz NOT NULL PRIMARY KEY)"
                      " PARTITION BY RANGE (at);"
                      "INSERT INTO ingest.partitioned_tables (table_name, time_column, span)"
                      " VALUES ('ingest.probes', 'at', 'month')");
    std::vector<storage::partition_name> made;
    ASSERT_TRUE(storage::create_ahead(connection, policy, noon, made).ok());
    EXPECT_THAT(made, testing::IsSupersetOf({
                          storage::partition_name{"billing.cdrs", "cdrs_p20260507"},
                          storage::partition_name{"ingest.probes", "probes_p202605"},
                          storage::partition_name{"ingest.probes", "probes_p202606"},
                      }));
    ASSERT_TRUE(storage::create_ahead(connection, policy, noon, made).ok());
    EXPECT_THAT(made, ElementsAre());
}

TEST_F(partitions, of_one_table_that_fail_keep_no_other_from_it) {
    execute(database, "INSERT INTO ingest.partitioned_tables (table_name, time_column, span)"
                      " VALUES ('billing.accounts', 'created_at', 'day')");
    std::vector<storage::partition_name> made;
    auto const status = storage::create_ahead(connection, policy, noon, made);
    EXPECT_FALSE(status.ok());
    EXPECT_THAT(names(), testing::SizeIs(5));
}

TEST_F(partitions, of_a_month_are_in_utc_whatever_the_session) {
    execute(database, "UPDATE ingest.partitioned_tables SET span = 'month'"
                      " WHERE table_name = 'billing.cdrs'");
    ASSERT_TRUE(connection.execute("SET timezone = 'Asia/Kolkata'; SET datestyle = 'German'").ok());
    ASSERT_TRUE(connection
                    .execute("SELECT ingest.create_partition('billing.cdrs',"
                             " timestamptz '2026-03-01 02:00:00+05:30')")
                    .ok());
    EXPECT_THAT(query_rows(database, "SELECT partition_name, lower_bound, upper_bound FROM"
                                     " ingest.partitions WHERE table_name = 'billing.cdrs'"),
                ElementsAre("cdrs_p202602|2026-02-01 00:00:00+00|2026-03-01 00:00:00+00"));
}

TEST_F(partitions, are_refused_for_times_and_tables_that_have_none) {
    for (auto const* bad : {"'billing.cdrs', 'infinity'", "'billing.cdrs', NULL",
                            "'billing.accounts', now()", "'nowhere.at_all', now()"}) {
        EXPECT_FALSE(
            connection.execute("SELECT ingest.create_partition(" + std::string{bad} + ")").ok())
            << bad;
    }
}

TEST_F(partitions, out_of_bounds_are_refused_and_not_made) {
    cdr_partitions one{policy};
    EXPECT_THAT(ensure(one, {today - 11, today - 10, today + 2, today + 3, -4'000'000}),
                ElementsAre(today - 11, today + 3, -4'000'000));
    EXPECT_THAT(names(), ElementsAre("cdrs_p20260424", "cdrs_p20260506"));
}

TEST_F(partitions, that_were_detached_are_not_made_again) {
    cdr_partitions one{policy};
    ensure(one, {today});
    execute(database, "ALTER TABLE billing.cdrs DETACH PARTITION billing.cdrs_p20260504;"
                      "UPDATE ingest.partitions SET state = 'detached'");
    EXPECT_THAT(ensure(one, {today}), ElementsAre()); // it remembers the day,
    one.forget();                                     // until forget()
    EXPECT_THAT(ensure(one, {today}), ElementsAre(today));
    EXPECT_THAT(names(), ElementsAre());
}

TEST_F(partitions, a_known_day_costs_no_request) {
    storage::batch_writer writer{database, "tallyd test", {20'000, 20'000, 0}};
    std::array const days{today, today + 1};
    std::vector<std::int32_t> refused;
    ASSERT_TRUE(writer.ensure_cdr_days(days, refused).ok());
    writer.cancel(); // any request would fail from here on
    EXPECT_TRUE(writer.ensure_cdr_days(days, refused).ok());
    std::array const more{today, today + 2};
    EXPECT_FALSE(writer.ensure_cdr_days(more, refused).ok());
}

TEST_F(partitions, may_be_made_by_many_at_once) {
    constexpr int writers = 4;
    constexpr int days = 8;
    std::vector<std::jthread> threads;
    std::array<storage::result, writers> answer;
    for (int i = 0; i < writers; ++i) {
        threads.emplace_back([this, i, &answer] {
            storage::pq_connection mine{database, "tallyd test " + std::to_string(i)};
            cdr_partitions one{policy};
            for (int day = 0; day < days && answer[static_cast<std::size_t>(i)].ok(); ++day) {
                // Half of the threads go backwards.
                std::array const asked{today - (i % 2 == 0 ? day : days - 1 - day)};
                std::vector<std::int32_t> refused;
                answer[static_cast<std::size_t>(i)] = one.ensure(mine, asked, today, refused);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    for (auto const& each : answer) {
        EXPECT_TRUE(each.ok()) << each.sqlstate << ' ' << each.detail;
    }
    EXPECT_EQ(names().size(), static_cast<std::size_t>(days));
}

TEST_F(partitions, are_made_beside_a_running_copy) {
    cdr_partitions one{policy};
    ensure(one, {today});
    storage::pq_connection copying{database, "tallyd copy"};
    ASSERT_TRUE(copying.execute("BEGIN").ok());
    ASSERT_TRUE(copying.begin_copy_in("COPY billing.cdrs FROM STDIN (FORMAT binary)").ok());
    ASSERT_TRUE(copying.copy_chunk(storage::copy_header).ok());
    ASSERT_TRUE(connection.execute("SET lock_timeout = '3s'").ok());
    EXPECT_THAT(ensure(one, {today - 1}), ElementsAre());
    EXPECT_EQ(names().size(), 2U);
    ASSERT_TRUE(copying.copy_chunk(storage::copy_trailer).ok());
    EXPECT_TRUE(copying.end_copy_in().ok());
    EXPECT_TRUE(copying.execute("COMMIT").ok());
}

TEST_F(partitions, created_ahead_reach_the_horizon) {
    auto const horizon = [this] { return check(storage::horizon(connection, noon)); };
    std::vector<storage::partition_name> made;
    EXPECT_EQ(horizon(), 0);
    ASSERT_TRUE(storage::create_ahead(connection, policy, noon, made).ok());
    EXPECT_THAT(names(), ElementsAre("cdrs_p20260503", "cdrs_p20260504", "cdrs_p20260505",
                                     "cdrs_p20260506", "cdrs_p20260507"));
    EXPECT_EQ(horizon(), 43'200 + 3 * 86'400);
    execute(database, "ALTER TABLE billing.cdrs DETACH PARTITION billing.cdrs_p20260506");
    EXPECT_EQ(horizon(), 43'200 + 86'400); // up to the gap
}

TEST_F(partitions, an_attached_table_of_another_name_is_no_obstacle) {
    execute(database, "CREATE TABLE billing.cdrs_archive PARTITION OF billing.cdrs"
                      " FOR VALUES FROM ('2020-01-01+00') TO ('2020-02-01+00')");
    cdr_partitions one{policy};
    EXPECT_THAT(ensure(one, {today}), ElementsAre());
    EXPECT_EQ(names().size(), 2U);
}

TEST(cdr_partition, is_named_by_its_day) {
    EXPECT_EQ(storage::cdr_partition_name(today), "cdrs_p20260504");
    EXPECT_EQ(storage::cdr_partition_name(0), "cdrs_p19700101");
    EXPECT_EQ(storage::day_of(noon), today);
    EXPECT_EQ(storage::day_of(-1), -1);
}

} // namespace
