#include "tests/storage/schema/migration_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tally::storage {
namespace {

using testing::HasSubstr;
using tests::private_postgres;
using migration_verify_test = migration_runner_test;

TEST_F(migration_verify_test, names_every_kind_of_drift) {
    auto const files = embedded_migrations();
    runner(files).up();
    EXPECT_TRUE(runner(files).verify().drift.empty());
    struct drift {
        char const* by_hand;
        char const* name;
    };
    for (drift const& each : {
             drift{"CREATE TABLE billing.extra ()", "table billing.extra: extra"},
             drift{"ALTER TABLE billing.dids DROP COLUMN routing",
                   "column billing.dids.routing: missing"},
             drift{"ALTER TABLE billing.dids ALTER did_type TYPE varchar(9)",
                   "column billing.dids.did_type: is \"character varying(9)\", was \"text\""},
             drift{"ALTER TABLE billing.dids ALTER city SET DEFAULT 'x'",
                   "column billing.dids.city: is"},
             drift{"ALTER TABLE billing.dids ALTER city SET NOT NULL",
                   "column billing.dids.city: is"},
             drift{"ALTER TABLE billing.dids ADD CONSTRAINT odd CHECK (city <> '')",
                   "constraint billing.dids.odd: extra"},
             drift{"DROP INDEX billing.dids_country_idx",
                   "index billing.dids_country_idx: missing"},
             drift{"ALTER TABLE billing.dids DISABLE TRIGGER dids_notify",
                   "trigger billing.dids.dids_notify: is"},
             drift{"CREATE OR REPLACE FUNCTION public.uuid_v7() RETURNS uuid LANGUAGE sql AS "
                   "'SELECT gen_random_uuid()'",
                   "function public.uuid_v7(): is"},
             drift{"CREATE VIEW billing.odd AS SELECT 1 AS one", "view billing.odd: extra"},
             drift{"ALTER TYPE billing.did_status ADD VALUE 'lost'", "type billing.did_status: is"},
             drift{"COMMENT ON TABLE billing.dids IS 'changed'",
                   "comment table billing.dids: is \"changed\""},
             drift{"ALTER TABLE billing.accounts SET (fillfactor = 100)",
                   "table billing.accounts: is"},
             drift{"CREATE SEQUENCE billing.numbers", "sequence billing.numbers: extra"},
         }) {
        std::string const database = private_postgres::shared().migrated_database();
        sql_session{database, "test"}.execute(each.by_hand);
        auto const found = migration_runner{database, files}.verify();
        EXPECT_EQ(found.code(), migrate_exit::changed) << each.by_hand;
        std::string all;
        for (auto const& change : found.drift) {
            all += change.describe() + "\n";
        }
        EXPECT_THAT(all, HasSubstr(each.name)) << each.by_hand;
    }
}

TEST_F(migration_verify_test, takes_partitions_and_other_schemas_for_no_drift) {
    auto const files = embedded_migrations();
    runner(files).up();
    sql_session session{database_, "test"};
    session.execute("CREATE TABLE billing.cdrs_p20260101 PARTITION OF billing.cdrs FOR VALUES FROM "
                    "('2026-01-01Z') TO ('2026-01-02Z');"
                    "CREATE INDEX ON billing.cdrs_p20260101 (uuid);"
                    "CREATE TABLE billing.cdrs_p20260102 (LIKE billing.cdrs INCLUDING ALL);"
                    "CREATE SCHEMA reports; CREATE TABLE reports.daily ()");
    auto const found = runner(files).verify();
    EXPECT_EQ(found.code(), migrate_exit::done)
        << (found.drift.empty() ? "" : found.drift.front().describe());
}

TEST_F(migration_verify_test, does_not_take_drift_for_part_of_the_next_migration) {
    auto files = two_files();
    runner(files).up(1);
    sql_session{database_, "test"}.execute("CREATE INDEX by_hand ON public.cats (name)");
    runner(files).up();
    auto const found = runner(files).verify();
    ASSERT_EQ(found.drift.size(), 1U);
    EXPECT_EQ(found.drift.front().describe(), "index public.by_hand: extra");
}

TEST_F(migration_verify_test, leaves_alone_what_public_held_before) {
    sql_session{database_, "test"}.execute("CREATE TABLE public.somebody_elses (id integer)");
    runner(two_files()).up();
    EXPECT_TRUE(runner(two_files()).verify().drift.empty());
}

} // namespace
} // namespace tally::storage
