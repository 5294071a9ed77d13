#include "storage/partitions/upkeep.hpp"

#include "storage/partitions/partitions.hpp"
#include "tests/storage/batch/batch_fixture.hpp"

#include <gmock/gmock.h>

#include <thread>

// Sealing and retiring of partitions, on a database with calls.

namespace {

using namespace tally;
using namespace tally::tests;
using storage::partition_step;
using storage::partition_upkeep;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

constexpr ingest::time_us hour = 3'600 * ingest::us_per_s;
constexpr ingest::time_us day = 24 * hour;
/// End of the day of call_maker::base.
constexpr ingest::time_us day_end = call_maker::base + 14 * hour;
constexpr ingest::time_us due = day_end + 72 * hour;

class upkeep : public batch_fixture {
  protected:
    void SetUp() override {
        batch_fixture::SetUp();
        connection = std::make_unique<storage::pq_connection>(
            database, "tallyd test upkeep", std::span<storage::prepared_statement const>{},
            storage::upkeep_limits);
        lane = std::make_unique<storage::batch_writer>(database, "tallyd test lane", any_day);
        make_partition(*lane);
        made_in_time();
    }

    /// Makes every partition as old as its time range.
    void made_in_time() const {
        execute(database, "UPDATE ingest.partitions SET created_at = lower_bound");
    }

    storage::failure commit(storage::batch const& rows) {
        storage::commit_counts counts;
        return lane->commit(rows, counts).reason;
    }

    /// Steps of billing.cdrs as "sealed cdrs_p20260504".
    std::vector<std::string> run(ingest::time_us now, bool dry_run = false) {
        std::vector<std::string> steps;
        partition_upkeep provisioner{*connection, {72, dry_run}, [&](partition_step const& step) {
                                         if (step.partition.table == "billing.cdrs") {
                                             steps.push_back(std::string{label(step.action)} + " " +
                                                             step.partition.partition);
                                             detail = step.detail;
                                         }
                                     }};
        auto const status = provisioner.run(now);
        EXPECT_TRUE(status.ok()) << status.detail;
        return steps;
    }

    [[nodiscard]] std::string valid_indexes(std::string const& partition) const {
        return ask("SELECT count(*) FROM pg_index WHERE indisvalid AND indrelid = 'billing." +
                   partition + "'::regclass");
    }
    [[nodiscard]] std::string valid_foreign_keys(std::string const& partition) const {
        return ask("SELECT count(*) FROM pg_constraint WHERE contype = 'f' AND convalidated AND"
                   " conrelid = 'billing." +
                   partition + "'::regclass");
    }
    [[nodiscard]] std::string state(std::string const& partition) const {
        return ask("SELECT state FROM ingest.partitions WHERE partition_name = '" + partition +
                   "'");
    }

    std::unique_ptr<storage::batch_writer> lane;
    std::unique_ptr<storage::pq_connection> connection;
    std::string detail;
};

TEST_F(upkeep, seals_a_partition_when_its_grace_has_passed) {
    ASSERT_EQ(commit(one_call(1, 1, 100)), storage::failure::none);
    EXPECT_THAT(run(due - hour), IsEmpty());
    EXPECT_EQ(state("cdrs_p20260504"), "open");
    EXPECT_THAT(run(due), ElementsAre("sealed cdrs_p20260504"));
    EXPECT_EQ(state("cdrs_p20260504"), "sealed");
    EXPECT_EQ(ask("SELECT sealed_at IS NOT NULL FROM ingest.partitions"
                  " WHERE partition_name = 'cdrs_p20260504'"),
              "t");
    EXPECT_EQ(valid_indexes("cdrs_p20260504"), "9");
    EXPECT_EQ(valid_foreign_keys("cdrs_p20260504"), "2");
    EXPECT_EQ(ask("SELECT reltuples FROM pg_class WHERE relname = 'cdrs_p20260504'"), "1");
    EXPECT_EQ(rows("SELECT indexdef FROM pg_indexes WHERE indexname = 'cdrs_p20260504_uuid_idx'"),
              std::vector<std::string>{"CREATE INDEX cdrs_p20260504_uuid_idx ON"
                                       " billing.cdrs_p20260504 USING btree (uuid)"});
    EXPECT_THAT(run(due), IsEmpty()); // it is done only once
}

TEST_F(upkeep, leaves_a_day_that_a_backfill_has_just_made) {
    execute(database, "UPDATE ingest.partitions SET created_at = lower_bound + interval '3 days'"
                      " WHERE table_name = 'billing.cdrs'");
    EXPECT_THAT(run(due), IsEmpty());
    EXPECT_THAT(run(due + 2 * day), ElementsAre("sealed cdrs_p20260504"));
}

TEST_F(upkeep, late_calls_go_into_a_sealed_partition) {
    ASSERT_EQ(commit(one_call(1, 1, 100)), storage::failure::none);
    ASSERT_THAT(run(due), ElementsAre("sealed cdrs_p20260504"));
    EXPECT_EQ(commit(one_call(2, 1, 200, 1)), storage::failure::none);
    EXPECT_EQ(commit(one_call(2, 1, 200, 2)), storage::failure::duplicate);
    EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs_p20260504"), "2");
    EXPECT_THAT(run(due + day), IsEmpty());
}

TEST_F(upkeep, calls_are_stored_while_their_partition_is_sealed) {
    std::atomic<bool> sealed{false};
    std::jthread sealing{[&] {
        EXPECT_THAT(run(due), ElementsAre("sealed cdrs_p20260504"));
        sealed = true;
    }};
    std::uint32_t calls_stored = 0;
    while (!sealed || calls_stored < 20) {
        auto const version = static_cast<std::int64_t>(calls_stored);
        ASSERT_EQ(commit(one_call(calls_stored, 1, 100, version)), storage::failure::none);
        ++calls_stored;
    }
    sealing.join();
    EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs"), std::to_string(calls_stored));
    EXPECT_EQ(valid_indexes("cdrs_p20260504"), "9");
}

TEST_F(upkeep, goes_on_where_a_sealing_broke_off) {
    ASSERT_EQ(commit(one_call(1, 1, 100)), storage::failure::none);
    execute(database,
            "UPDATE ingest.partitions SET state = 'sealing' WHERE table_name = 'billing.cdrs';"
            "CREATE INDEX cdrs_p20260504_uuid_idx ON billing.cdrs_p20260504 (uuid);"
            "CREATE INDEX cdrs_p20260504_caller_id_idx ON billing.cdrs_p20260504 (caller_id);"
            "UPDATE pg_index SET indisvalid = false WHERE indexrelid ="
            " 'billing.cdrs_p20260504_uuid_idx'::regclass;"
            "ALTER TABLE billing.cdrs_p20260504 ADD CONSTRAINT cdrs_p20260504_account_id_fkey"
            " FOREIGN KEY (account_id) REFERENCES billing.accounts (id) ON DELETE RESTRICT"
            " NOT VALID");
    EXPECT_THAT(run(day_end), ElementsAre("sealed cdrs_p20260504")); // at any time
    EXPECT_EQ(valid_indexes("cdrs_p20260504"), "9");
    EXPECT_EQ(valid_foreign_keys("cdrs_p20260504"), "2");
}

TEST_F(upkeep, says_which_partition_fails_and_seals_the_others) {
    execute(database,
            "SELECT ingest.create_partition('billing.cdrs', '2026-05-03Z');"
            "INSERT INTO billing.cdrs SELECT gen_random_uuid(), gen_random_uuid(),"
            " gen_random_uuid(), gen_random_uuid(), gen_random_uuid(), '1', '2', 'outbound', NULL,"
            " '2026-05-03Z', NULL, '2026-05-03Z', 0, 0, NULL, 0, 0, NULL, NULL, NULL, 0, 0, 'INR', "
            "NULL,"
            " 'rated', NULL, now()");
    made_in_time();
    EXPECT_THAT(run(due), ElementsAre("failed cdrs_p20260503", "sealed cdrs_p20260504"));
    EXPECT_EQ(state("cdrs_p20260503"), "sealing");
    execute(database, "DELETE FROM billing.cdrs_p20260503");
    EXPECT_THAT(run(due), ElementsAre("sealed cdrs_p20260503"));
}

TEST_F(upkeep, foreign_keys_are_dropped_when_they_have_been_kept_long_enough) {
    ASSERT_EQ(commit(one_call(1, 1, 100)), storage::failure::none);
    ASSERT_THAT(run(due), ElementsAre("sealed cdrs_p20260504"));
    EXPECT_THAT(run(day_end + 35 * day - hour), IsEmpty());
    EXPECT_THAT(run(day_end + 35 * day), ElementsAre("released cdrs_p20260504"));
    EXPECT_EQ(valid_foreign_keys("cdrs_p20260504"), "0");
    EXPECT_THAT(run(day_end + 36 * day), IsEmpty());
    EXPECT_ANY_THROW(execute(database, "DELETE FROM billing.dids;"
                                       "DELETE FROM billing.subscriptions"
                                       " WHERE subscription_number = 'SUB-1'"));
}

TEST_F(upkeep, an_old_backfill_is_validated_and_released_at_once) {
    EXPECT_THAT(run(due + 100 * day),
                ElementsAre("sealed cdrs_p20260504", "released cdrs_p20260504"));
}

TEST_F(upkeep, retention_detaches_and_the_day_takes_no_calls_any_more) {
    ASSERT_EQ(commit(one_call(1, 1, 100)), storage::failure::none);
    execute(database, "UPDATE ingest.partitioned_tables SET retention = '90 days'"
                      " WHERE table_name = 'billing.cdrs'");
    ASSERT_THAT(run(due), ElementsAre("sealed cdrs_p20260504"));
    EXPECT_THAT(run(day_end + 90 * day), ElementsAre("detached cdrs_p20260504"));
    EXPECT_THAT(run(day_end + 90 * day), IsEmpty());
    EXPECT_EQ(state("cdrs_p20260504"), "detached");
    EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs"), "0");
    EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs_p20260504"), "1");
    lane = std::make_unique<storage::batch_writer>(database, "tallyd test lane", any_day);
    std::array const days{storage::day_of(call_maker::base)};
    std::vector<std::int32_t> refused;
    ASSERT_TRUE(lane->ensure_cdr_days(days, refused).ok());
    EXPECT_EQ(refused.size(), 1U);
}

TEST_F(upkeep, a_detaching_that_broke_off_is_finished) {
    execute(database, "UPDATE ingest.partitioned_tables SET retention = '90 days'"
                      " WHERE table_name = 'billing.cdrs'");
    storage::pq_connection reader{database, "tallyd test reader"};
    ASSERT_TRUE(reader.execute("BEGIN; SELECT FROM billing.cdrs").ok());
    ASSERT_TRUE(connection->execute("SET lock_timeout = '200ms'").ok());
    EXPECT_THAT(run(day_end + 90 * day), ElementsAre("failed cdrs_p20260504"));
    EXPECT_THAT(detail, HasSubstr("not detached"));
    EXPECT_EQ(ask("SELECT inhdetachpending FROM pg_inherits WHERE inhrelid ="
                  " 'billing.cdrs_p20260504'::regclass"),
              "t");
    EXPECT_EQ(ask("SELECT ingest.is_attached('billing.cdrs', 'cdrs_p20260504')"), "f");
    ASSERT_TRUE(reader.execute("COMMIT").ok());
    EXPECT_THAT(run(day_end + 90 * day), ElementsAre("detached cdrs_p20260504"));
    EXPECT_EQ(ask("SELECT count(*) FROM pg_inherits WHERE inhrelid ="
                  " 'billing.cdrs_p20260504'::regclass"),
              "0");
}

TEST_F(upkeep, retention_drops_where_it_is_told_to) {
    ASSERT_EQ(commit(one_call(1, 1, 100)), storage::failure::none);
    ASSERT_THAT(run(due), ElementsAre("sealed cdrs_p20260504"));
    execute(database, "UPDATE ingest.partitioned_tables SET retention = '30 days',"
                      " retention_action = 'drop' WHERE table_name = 'billing.cdrs'");
    EXPECT_THAT(run(day_end + 30 * day), ElementsAre("dropped cdrs_p20260504"));
    EXPECT_EQ(ask("SELECT to_regclass('billing.cdrs_p20260504') IS NULL"), "t");
    EXPECT_EQ(state("cdrs_p20260504"), "dropped");
    EXPECT_THAT(run(day_end + 31 * day), IsEmpty());
    EXPECT_ANY_THROW(
        execute(database, "SELECT ingest.create_partition('billing.cdrs', '2026-05-04Z')"));
}

TEST_F(upkeep, a_dry_run_says_what_is_due_and_changes_nothing) {
    EXPECT_THAT(run(due, true), ElementsAre("sealed cdrs_p20260504"));
    EXPECT_EQ(state("cdrs_p20260504"), "open");
    EXPECT_EQ(valid_indexes("cdrs_p20260504"), "1");
}

TEST_F(upkeep, what_has_a_call_cannot_be_deleted_while_calls_come_nor_after_sealing) {
    execute(database, "DELETE FROM billing.dids");
    ASSERT_EQ(commit(one_call(100, 1, 100)), storage::failure::none);
    std::vector<storage::batch> racing{one_call(1, 1, 100, 1)};
    for (int i = 2; i <= accounts; ++i) {
        racing.push_back(one_call(static_cast<std::uint32_t>(i), i, 100));
    }
    std::atomic<bool> stored{false};
    std::vector<std::jthread> deleters;
    for (int i = 1; i <= accounts; ++i) {
        deleters.emplace_back([this, i, &stored] {
            storage::pq_connection mine{database, "tallyd test deleter"};
            auto const number = std::to_string(i) + "'";
            while (!stored) { // refused or not, depending on the order
                std::ignore = mine.execute("DELETE FROM billing.subscriptions WHERE"
                                           " subscription_number = 'SUB-" +
                                           number);
                std::ignore = mine.execute(
                    "DELETE FROM billing.accounts WHERE account_number = 'ACC-" + number);
            }
        });
    }
    int committed = 0;
    for (auto const& call : racing) {
        committed += commit(call) == storage::failure::none ? 1 : 0;
    }
    stored = true;
    deleters.clear();
    auto const orphans = "SELECT count(*) FROM billing.cdrs WHERE NOT EXISTS (SELECT FROM"
                         " billing.subscriptions AS s WHERE s.id = subscription_id) OR NOT EXISTS"
                         " (SELECT FROM billing.accounts AS a WHERE a.id = cdrs.account_id)";
    EXPECT_EQ(ask("SELECT count(*) FROM billing.cdrs"), std::to_string(committed + 1));
    EXPECT_EQ(ask(orphans), "0");
    EXPECT_THAT(run(due), ElementsAre("sealed cdrs_p20260504")); // its foreign keys validate
    for (int i = 1; i <= accounts; ++i) {
        std::ignore =
            connection->execute("DELETE FROM billing.subscriptions WHERE subscription_number ="
                                " 'SUB-" +
                                std::to_string(i) + "'");
    }
    EXPECT_EQ(ask(orphans), "0");
}

} // namespace
