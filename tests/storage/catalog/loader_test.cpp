#include "storage/catalog/loader.hpp"

#include "rating/catalog/guide.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace {

using namespace tally;
using namespace tally::tests;
using rating::no_index;
using testing::ElementsAre;
using testing::HasSubstr;

constexpr ingest::time_us june = 1'780'272'000LL * ingest::us_per_s;
constexpr auto outbound = ingest::call_direction::outbound;
constexpr auto inbound = ingest::call_direction::inbound;

class catalog_load : public testing::Test {
  protected:
    void SetUp() override {
        database = private_postgres::shared().migrated_database();
        make_telecom(database, 3);
    }
    void load() {
        auto found = storage::load_catalog(database);
        ASSERT_TRUE(found.ok()) << found.status().sqlstate << ' ' << found.status().detail;
        loaded = *std::move(found);
        ASSERT_NE(loaded.catalog, nullptr);
    }
    void change(std::string_view sql) const { execute(database, sql); }
    [[nodiscard]] rating::catalog const& catalog() const { return *loaded.catalog; }
    [[nodiscard]] std::vector<std::string> const& warnings() const {
        return loaded.warnings.texts();
    }
    /// The subscription that pays for a call of ACC-1 at `when`.
    [[nodiscard]] rating::catalog_index payer(ingest::time_us when) const {
        return catalog().active_subscription(catalog().account_by_number("ACC-1"), when);
    }
    [[nodiscard]] rating::tariff const& basic() const {
        return catalog().plan_at(catalog().subscription_at(0).plan);
    }

    std::string database;
    storage::loaded_catalog loaded;
};

TEST_F(catalog_load, reads_accounts_subscriptions_dids_and_plans) {
    load();
    EXPECT_THAT(warnings(), ElementsAre());
    EXPECT_EQ(catalog().accounts(), 3U);
    EXPECT_EQ(catalog().subscriptions(), 3U);
    EXPECT_EQ(catalog().dids(), 3U);
    EXPECT_EQ(catalog().plans(), 1U);
    auto const index = catalog().subscription_by_number("SUB-2");
    ASSERT_NE(index, no_index);
    EXPECT_EQ(catalog().subscription_by_did(did_of(2)), index);
    auto const& one = catalog().subscription_at(index);
    EXPECT_EQ(one.account, catalog().account_by_number("ACC-2"));
    EXPECT_EQ(ingest::to_string(catalog().account_at(one.account).id),
              query_one(database, "SELECT id FROM billing.accounts WHERE account_number='ACC-2'"));
    EXPECT_EQ(one.active_from, 1'767'225'600LL * ingest::us_per_s); // 2026-01-01
    EXPECT_EQ(one.anchor, one.active_from);
    EXPECT_EQ(one.active_to, INT64_MAX);
}

TEST_F(catalog_load, reads_a_plan_with_every_field_of_its_rates) {
    change(R"(UPDATE billing.rate_plans SET rounding = 'half_even', decimals = 2,
                  time_zone = 'Asia/Kolkata', included_minutes = 7;
              UPDATE billing.rates SET name = 'United Kingdom', call_type = 'far', minimum = 0.1,
                  maximum = 12.000000001, grace_s = 3, effective_from = '2026-02-01T00:00:00Z',
                  effective_to = '2027-01-01T00:00:00Z', allowance = true WHERE prefix = '44')");
    load();
    auto const& head = basic().head();
    EXPECT_EQ(head.code, "basic");
    EXPECT_EQ(std::string(head.currency.data(), 3), "INR");
    EXPECT_EQ(head.time_zone, "Asia/Kolkata");
    EXPECT_EQ(head.rounding_mode, (rating::rounding{rating::rounding_mode::half_even, 2}));
    EXPECT_EQ(head.included_s, 420);
    ASSERT_EQ(basic().rates().size(), 4U);
    rating::rate expected;
    expected.id = *ingest::parse_uuid("00000000-0000-7000-8000-000000000d03");
    expected.prefix = "44";
    expected.name = "United Kingdom";
    expected.call_type = "far";
    expected.allowance = true;
    expected.grace_s = 3;
    expected.connect_fee.nanos = 500'000'000;
    expected.minimum.nanos = 100'000'000;
    expected.maximum.nanos = 12'000'000'001;
    expected.effective_from = 1'769'904'000LL * ingest::us_per_s;
    expected.effective_to = 1'798'761'600LL * ingest::us_per_s;
    expected.steps = {{0, 60, 60, {1'200'000'000}}, {60, 60, 6, {1'200'000'000}}};
    auto const* const found = basic().find("442071234567", outbound, june);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(*found, expected);
    EXPECT_EQ(basic().find("44207", inbound, june)->direction, inbound);
    EXPECT_EQ(basic().find("91", outbound, june)->maximum.nanos, INT64_MAX);
}

TEST_F(catalog_load, gives_rates_the_call_type_of_the_longest_destination) {
    change(R"(INSERT INTO billing.destinations (prefix, name, call_type) VALUES
                  ('4', 'Europe', 'continent'), ('44', 'Britain', 'international'),
                  ('442', 'London', 'city'), ('', 'World', 'other');
              UPDATE billing.rates SET call_type = 'own' WHERE prefix = '91')");
    load();
    EXPECT_EQ(basic().find("442071", outbound, june)->call_type, "international");
    EXPECT_EQ(basic().find("442071", outbound, june)->name, "Britain");
    EXPECT_EQ(basic().find("919", outbound, june)->call_type, "own");
    EXPECT_EQ(basic().find("919", outbound, june)->name, "World");
    EXPECT_EQ(basic().find("7", outbound, june)->call_type, "other");
}

TEST_F(catalog_load, leaves_closed_and_deleted_accounts_out) {
    change("UPDATE billing.accounts SET status = 'closed' WHERE account_number = 'ACC-1';"
           "UPDATE billing.accounts SET deleted_at = now() WHERE account_number = 'ACC-2';"
           "UPDATE billing.accounts SET status = 'suspended' WHERE account_number = 'ACC-3'");
    load();
    EXPECT_EQ(catalog().accounts(), 1U);
    EXPECT_EQ(catalog().subscriptions(), 1U);
    EXPECT_EQ(catalog().subscription_by_did(did_of(1)), no_index);
    EXPECT_TRUE(catalog().is_active_did(did_of(1))); // still ours
    EXPECT_NE(catalog().subscription_by_did(did_of(3)), no_index);
    EXPECT_NE(catalog().account_by_number("ACC-3"), no_index);
    EXPECT_THAT(warnings(), ElementsAre());
}

TEST_F(catalog_load, a_subscription_pays_until_it_ended) {
    struct end_case {
        char const* change;
        bool before; ///< pays at the last moment of May
        bool after;  ///< pays on June 1st
    };
    for (auto const& [sql, before, after] : {
             end_case{"status = 'trialing'", true, true},
             end_case{"status = 'past_due'", true, true},
             end_case{"status = 'suspended'", true, true},
             end_case{"status = 'active', ended_at = '2026-06-01T00:00:00Z'", true, false},
             end_case{"status = 'active', cancelled_at = '2026-03-01T00:00:00Z',"
                      " cancel_at_period_end = true",
                      true, true},
             end_case{"status = 'canceled', cancelled_at = '2026-06-01T00:00:00Z'", true, false},
             end_case{"status = 'canceled', cancelled_at = '2026-03-01T00:00:00Z',"
                      " cancel_at_period_end = true, current_period_end = '2026-06-01T00:00:00Z'",
                      true, false},
             end_case{"status = 'canceled', cancelled_at = '2026-03-01T00:00:00Z',"
                      " ended_at = '2026-06-01T00:00:00Z'",
                      true, false},
             end_case{"status = 'expired', ended_at = '2026-06-01T00:00:00Z'", true, false},
             end_case{"status = 'expired', current_period_end = '2026-06-01T00:00:00Z'", true,
                      false},
             end_case{"status = 'expired', trial_ends_at = '2026-06-01T00:00:00Z'", true, false},
             end_case{"status = 'active', deleted_at = '2026-06-01T00:00:00Z'", true, false},
             end_case{"status = 'canceled', cancelled_at = '2026-07-01T00:00:00Z',"
                      " deleted_at = '2026-06-01T00:00:00Z'",
                      true, false},
         }) {
        change(std::string{"UPDATE billing.subscriptions SET ended_at = NULL, cancelled_at = NULL,"
                           " current_period_end = NULL, trial_ends_at = NULL,"
                           " cancel_at_period_end = false, deleted_at = NULL;"
                           "UPDATE billing.subscriptions SET "} +
               sql);
        load();
        EXPECT_EQ(payer(june - 1) != no_index, before) << sql;
        EXPECT_EQ(payer(june) != no_index, after) << sql;
        EXPECT_EQ(payer(0), no_index) << sql;
        EXPECT_THAT(warnings(), ElementsAre()) << sql;
    }
}

TEST_F(catalog_load, leaves_out_with_a_warning_what_makes_no_sense) {
    change(R"(UPDATE billing.subscriptions SET status = 'expired'
                  WHERE subscription_number = 'SUB-1';
              UPDATE billing.subscriptions SET currency = 'EUR'
                  WHERE subscription_number = 'SUB-2')");
    load();
    EXPECT_EQ(catalog().subscriptions(), 1U);
    EXPECT_THAT(warnings(),
                testing::UnorderedElementsAre(HasSubstr("'SUB-1' is left out: it is canceled or "
                                                        "expired, but has no end"),
                                              HasSubstr("'SUB-2' is left out: its currency is "
                                                        "not its account's")));
    EXPECT_EQ(loaded.warnings.count(), 2U);

    change("UPDATE billing.rate_plans SET currency = 'USD'");
    load();
    EXPECT_EQ(catalog().subscriptions(), 0U);
    EXPECT_THAT(warnings(), testing::Contains(HasSubstr("plan's currency")));

    change("UPDATE billing.rate_plans SET currency = 'INR', time_zone = 'Mars/Olympus'");
    load();
    EXPECT_EQ(catalog().plans(), 0U);
    EXPECT_THAT(warnings(), testing::Contains(HasSubstr("no time zone 'Mars/Olympus'")));
    EXPECT_THAT(warnings(), testing::Contains(HasSubstr("'SUB-3' is left out: its plan")));
}

TEST_F(catalog_load, leaves_out_numbers_that_no_catalog_can_keep) {
    change("UPDATE billing.accounts SET account_number = repeat('9', 70000)"
           " WHERE account_number = 'ACC-1';"
           "UPDATE billing.subscriptions SET subscription_number = repeat('9', 70000)"
           " WHERE subscription_number = 'SUB-2'");
    load();
    EXPECT_EQ(catalog().accounts(), 2U);
    EXPECT_EQ(catalog().subscriptions(), 1U);
    EXPECT_THAT(warnings(), ElementsAre(HasSubstr("account "), HasSubstr("subscription ")));
}

TEST_F(catalog_load, a_bad_rate_is_left_out_and_the_others_stay) {
    change(R"(DELETE FROM billing.rate_steps
                  WHERE rate_id = '00000000-0000-7000-8000-000000000d02';
              UPDATE billing.rates SET connect_fee = 99999999999 WHERE prefix = '44';
              UPDATE billing.rate_steps SET price = -99999999999
                  WHERE rate_id = '00000000-0000-7000-8000-000000000d04')");
    load();
    ASSERT_EQ(basic().rates().size(), 1U);
    EXPECT_EQ(basic().rates()[0].prefix, "");
    EXPECT_THAT(warnings(),
                testing::UnorderedElementsAre(HasSubstr("(prefix '44') is left out: an amount"),
                                              HasSubstr("(prefix '') is left out: an amount"),
                                              HasSubstr("prefix '91'")));
    EXPECT_EQ(catalog().subscriptions(), 3U);
}

TEST_F(catalog_load, deleted_plans_rate_the_subscriptions_they_have) {
    change(R"(INSERT INTO billing.rate_plans (code, name, deleted_at)
                  VALUES ('gone', 'Gone', now());
              INSERT INTO billing.rate_plans (code, name, is_active) VALUES ('old', 'Old', false);
              UPDATE billing.rate_plans SET deleted_at = now(), is_active = false
                  WHERE code = 'basic')");
    load();
    EXPECT_EQ(catalog().plans(), 2U); // basic and old
    EXPECT_EQ(catalog().subscriptions(), 3U);
}

TEST_F(catalog_load, takes_only_numbers_in_service_and_each_once) {
    change(R"(INSERT INTO billing.dids (subscription_id, did_number, status)
                  SELECT id, '918000000003', 'suspended'::billing.did_status
                      FROM billing.subscriptions WHERE subscription_number = 'SUB-1'
                  UNION ALL SELECT id, '+4420', 'reserved' FROM billing.subscriptions
                      WHERE subscription_number = 'SUB-1'
                  UNION ALL SELECT id, '+4421', 'suspended' FROM billing.subscriptions
                      WHERE subscription_number = 'SUB-1';
              INSERT INTO billing.dids (did_number) VALUES ('+4422');
              INSERT INTO billing.dids (did_number, status) VALUES ('+4423', 'active');
              UPDATE billing.dids SET did_number = '+918000000003'
                  WHERE did_number = '+918000000003')");
    load();
    EXPECT_EQ(catalog().subscription_by_did("4420"), no_index);
    EXPECT_EQ(catalog().subscription_by_did("4421"), catalog().subscription_by_number("SUB-1"));
    EXPECT_EQ(catalog().subscription_by_did("4422"), no_index);
    EXPECT_EQ(catalog().subscription_by_did("4423"), no_index);
    EXPECT_TRUE(catalog().is_active_did("4423"));
    EXPECT_TRUE(catalog().is_active_did("918000000003"));
    for (auto const* const digits : {"4420", "4421", "4422", "4424"}) {
        EXPECT_FALSE(catalog().is_active_did(digits)) << digits;
    }
    EXPECT_EQ(catalog().subscription_by_did("918000000003"),
              catalog().subscription_by_number("SUB-3"));
    EXPECT_THAT(warnings(), ElementsAre("1 DIDs are there twice, with and without '+'"));
}

TEST_F(catalog_load, an_empty_database_is_an_empty_catalog) {
    database = private_postgres::shared().migrated_database();
    load();
    EXPECT_EQ(catalog().accounts(), 0U);
    EXPECT_EQ(catalog().plans(), 0U);
}

TEST_F(catalog_load, without_tables_it_is_permanent_without_server_transient) {
    database = private_postgres::shared().empty_database();
    EXPECT_EQ(storage::load_catalog(database).status().reason, storage::failure::permanent);
    EXPECT_EQ(storage::load_catalog("host=/nowhere dbname=none").status().reason,
              storage::failure::transient);
}

} // namespace
