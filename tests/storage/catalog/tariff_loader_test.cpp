#include "storage/catalog/loader.hpp"

#include "rating/catalog/guide.hpp"
#include "rating/rater/rater.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/call_maker.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// Tariffs from a real database: bands, on-net rates, fallbacks, metric prices.

namespace {

using namespace tally;
using namespace tally::tests;
using rating::amount;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::UnorderedElementsAre;

class tariff_load : public testing::Test {
  protected:
    void SetUp() override {
        database = private_postgres::shared().migrated_database();
        make_telecom(database, 2);
    }
    void load() {
        auto found = storage::load_catalog(database);
        ASSERT_TRUE(found.ok()) << found.status().sqlstate << ' ' << found.status().detail;
        loaded = *std::move(found);
    }
    void change(std::string_view sql) const { execute(database, sql); }
    [[nodiscard]] rating::tariff const& plan(std::string_view code) const {
        for (rating::catalog_index i = 0; i < loaded.catalog->plans(); ++i) {
            if (loaded.catalog->plan_at(i).head().code == code) {
                return loaded.catalog->plan_at(i);
            }
        }
        throw std::runtime_error{"no plan " + std::string{code}};
    }
    [[nodiscard]] std::vector<std::string> const& warnings() const {
        return loaded.warnings.texts();
    }
    /// The cost of a minute to `destination` for ACC-1, guided and rated.
    std::string cost_of(std::string destination, ingest::time_us when = call_maker::base) {
        auto const call = make.call(1, 1, std::move(destination), 60, when);
        auto const call_owner = rating::guide(call, *loaded.catalog);
        auto const& key =
            loaded.catalog->plan_at(loaded.catalog->subscription_at(call_owner.subscription).plan);
        rating::allowance none;
        auto const rated = rating::rate_call(call, key, none, call_owner.on_net);
        return rated.error == ingest::record_error::none ? rating::to_string(rated.cost)
                                                         : std::string{ingest::code(rated.error)};
    }

    std::string database;
    storage::loaded_catalog loaded;
    call_maker make;
};

/// A plan with one rate of one step, at `price` per minute.
std::string plan_with(std::string const& code, std::string const& prefix,
                      std::string const& price) {
    return "INSERT INTO billing.rate_plans (code, name, time_zone) VALUES ('" + code + "', '" +
           code + "', 'UTC');" +
           "WITH added AS (INSERT INTO billing.rates (rate_plan_id, prefix)"
           " SELECT id, '" +
           prefix + "' FROM billing.rate_plans WHERE code = '" + code +
           "' RETURNING id)"
           "INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s)"
           " SELECT id, 0, " +
           price + ", 60, 60 FROM added;";
}

std::string falls_back(std::string const& code, std::string const& out) {
    return "UPDATE billing.rate_plans SET fallback_plan_id ="
           " (SELECT id FROM billing.rate_plans WHERE code = '" +
           out + "') WHERE code = '" + code + "';";
}

TEST_F(tariff_load, reads_bands_in_the_order_of_the_plan) {
    change(R"(INSERT INTO billing.rate_bands
                  (rate_plan_id, name, days, from_time, to_time, weight, position)
                  SELECT id, 'late', '{}'::smallint[], '22:00'::time, '06:00'::time, 1, 2
                      FROM billing.rate_plans
                  UNION ALL SELECT id, 'peak', '{1,5}', '08:00', '19:00:00.5', 10, 1
                      FROM billing.rate_plans
                  UNION ALL SELECT id, 'feast', '{}', NULL, NULL, 20, 0 FROM billing.rate_plans;
              INSERT INTO billing.holidays
                  SELECT id, day FROM billing.rate_bands, (VALUES (DATE '1970-01-02'),
                      ('2026-01-26'), ('infinity')) AS days (day) WHERE name = 'feast';
              UPDATE billing.rate_plans SET split_at_bands = false)");
    load();
    EXPECT_THAT(warnings(), ElementsAre());
    auto const& basic = plan("basic");
    EXPECT_FALSE(basic.head().split_at_bands);
    constexpr int hour = 3600;
    using rating::band;
    EXPECT_THAT(basic.bands(), ElementsAre(band{"feast", 0, 0, band::day_s, {1, 20'479}, 20},
                                           band{"peak", 0b10001, 8 * hour, 19 * hour + 1, {}, 10},
                                           band{"late", 0, 22 * hour, 6 * hour, {}, 1}));
}

TEST_F(tariff_load, rates_name_their_bands) {
    change(R"(INSERT INTO billing.rate_bands (rate_plan_id, name, from_time, to_time)
                  SELECT id, 'morning', '09:00'::time, '10:00'::time FROM billing.rate_plans;
              INSERT INTO billing.rates (id, rate_plan_id, prefix, rate_band_id)
                  SELECT '00000000-0000-7000-8000-000000000d09', rate_plan_id, '44', id
                      FROM billing.rate_bands;
              INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s)
                  VALUES ('00000000-0000-7000-8000-000000000d09', 0, 5, 60, 60))");
    load();
    EXPECT_THAT(warnings(), ElementsAre());
    EXPECT_EQ(cost_of("4420"), "1.7"); // at 10:00, with the fee
    EXPECT_EQ(cost_of("4420", call_maker::base - 60 * ingest::us_per_s), "5");
}

TEST_F(tariff_load, active_dids_are_on_net) {
    change(R"(INSERT INTO billing.rates (id, rate_plan_id, prefix, is_on_net)
                  SELECT '00000000-0000-7000-8000-000000000d09', id, '', true
                      FROM billing.rate_plans;
              INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s)
                  VALUES ('00000000-0000-7000-8000-000000000d09', 0, 0.01, 60, 60);
              INSERT INTO billing.dids (did_number, status)
                  VALUES ('+44201', 'active'), ('44202', 'reserved');
              UPDATE billing.dids SET status = 'suspended' WHERE did_number = '+)" +
           did_of(2) + "'");
    load();
    EXPECT_THAT(warnings(), ElementsAre());
    EXPECT_EQ(cost_of(did_of(1)), "0.01");
    EXPECT_EQ(cost_of("+44201"), "0.01");
    EXPECT_EQ(cost_of("44202"), "1.7");
    EXPECT_EQ(cost_of(did_of(2)), "0.3"); // out of service: an ordinary call
}

TEST_F(tariff_load, fallback_plans_are_asked_also_when_they_are_deleted) {
    change("UPDATE billing.rates SET prefix = '1' WHERE prefix = '' AND direction = 'outbound';" +
           plan_with("second", "33", "3") + plan_with("third", "34", "4") +
           falls_back("basic", "second") + falls_back("second", "third") +
           "UPDATE billing.rate_plans SET deleted_at = now(), is_active = false"
           " WHERE code = 'third'");
    load();
    EXPECT_THAT(warnings(), ElementsAre());
    EXPECT_EQ(cost_of("33"), "3");
    EXPECT_EQ(cost_of("34"), "4");
    EXPECT_EQ(cost_of("35"), "no_rate");
    EXPECT_EQ(plan("basic").fallback(), &plan("second"));
}

TEST_F(tariff_load, circles_and_other_currencies_are_no_fallbacks) {
    change(plan_with("a", "33", "1") + plan_with("b", "34", "1") + plan_with("c", "35", "1") +
           plan_with("usd", "36", "1") + plan_with("mars", "37", "1") + plan_with("d", "38", "1") +
           falls_back("a", "b") + falls_back("b", "a") + falls_back("c", "a") +
           falls_back("basic", "usd") + falls_back("d", "mars") +
           "UPDATE billing.rate_plans SET currency = 'USD' WHERE code = 'usd';"
           "UPDATE billing.rate_plans SET time_zone = 'Mars/Olympus' WHERE code = 'mars'");
    load();
    EXPECT_THAT(warnings(), UnorderedElementsAre(
                                HasSubstr("'a': its fallback plan is not asked: it leads back"),
                                HasSubstr("'b': its fallback plan is not asked: it leads back"),
                                HasSubstr("'basic': its fallback plan 'usd' is not asked: it is of "
                                          "another currency"),
                                HasSubstr("'mars' is left out: no time zone"),
                                HasSubstr("'d': its fallback plan is not asked: it is left out")));
    EXPECT_EQ(plan("c").fallback(), &plan("a"));
    EXPECT_EQ(plan("a").fallback(), nullptr);
    EXPECT_EQ(plan("basic").fallback(), nullptr);
}

TEST_F(tariff_load, reads_metric_prices_with_their_tiers) {
    change(R"(INSERT INTO billing.metric_prices (id, rate_plan_id, name, unit, aggregation,
                      unique_property, included, model, price, package, minimum, maximum)
                  SELECT '00000000-0000-7000-8000-000000000e01'::uuid, id, 'seats', 'seat',
                         'unique'::billing.metric_aggregation, 'user', 2.5,
                         'package'::billing.price_model, 0.000000001, 10::numeric, 1,
                         NULL::numeric FROM billing.rate_plans
                  UNION ALL SELECT '00000000-0000-7000-8000-000000000e02', id, 'data', 'MB', 'sum',
                         NULL, 0, 'graduated', NULL, NULL, 0, 99 FROM billing.rate_plans;
              INSERT INTO billing.metric_tiers (metric_price_id, position, up_to, price, flat)
                  VALUES ('00000000-0000-7000-8000-000000000e02', 1, NULL, 0.05, 1),
                         ('00000000-0000-7000-8000-000000000e02', 0, 1000, 0.1, 0))");
    load();
    EXPECT_THAT(warnings(), ElementsAre());
    auto const metrics = plan("basic").metrics();
    ASSERT_EQ(metrics.size(), 2U);
    auto const& data = metrics[0];
    auto const& seats = metrics[1];
    EXPECT_EQ(ingest::to_string(seats.id), "00000000-0000-7000-8000-000000000e01");
    EXPECT_EQ(seats.name + "/" + seats.unit + "/" + seats.unique_property, "seats/seat/user");
    EXPECT_EQ(seats.method, rating::aggregation::unique);
    EXPECT_EQ(seats.model, rating::price_model::package);
    EXPECT_EQ(seats.included, rating::quantity{2'500'000'000});
    EXPECT_EQ(seats.price, amount{1});
    EXPECT_EQ(seats.package, rating::quantity{10'000'000'000});
    EXPECT_EQ(seats.minimum, amount{1'000'000'000});
    EXPECT_EQ(seats.maximum, amount{INT64_MAX});
    EXPECT_EQ(data.maximum, amount{99'000'000'000});
    EXPECT_THAT(data.tiers, ElementsAre(rating::price_tier{rating::quantity{1'000'000'000'000},
                                                           amount{100'000'000}, amount{}},
                                        rating::price_tier{std::nullopt, amount{50'000'000},
                                                           amount{1'000'000'000}}));
}

TEST_F(tariff_load, what_no_tariff_takes_is_left_out_alone) {
    change(R"(INSERT INTO billing.rate_bands (rate_plan_id, name, from_time)
                  SELECT id, 'never', '24:00'::time FROM billing.rate_plans;
              INSERT INTO billing.rates (id, rate_plan_id, prefix, rate_band_id)
                  SELECT '00000000-0000-7000-8000-000000000d09', rate_plan_id, '44', id
                      FROM billing.rate_bands;
              INSERT INTO billing.rate_steps (rate_id, from_s, price, unit_s, increment_s)
                  VALUES ('00000000-0000-7000-8000-000000000d09', 0, 5, 60, 60);
              DELETE FROM billing.rate_steps
                  WHERE rate_id = '00000000-0000-7000-8000-000000000d02';
              INSERT INTO billing.metric_prices (rate_plan_id, name, included, price)
                  SELECT id, 'sms', 0, 99999999999 FROM billing.rate_plans;
              INSERT INTO billing.metric_prices (rate_plan_id, name, model)
                  SELECT id, 'data', 'volume' FROM billing.rate_plans;
              INSERT INTO billing.metric_prices (rate_plan_id, name, price)
                  SELECT id, 'mms', 1 FROM billing.rate_plans)");
    change(plan_with("other", "39", "1") +
           "INSERT INTO billing.rates (rate_plan_id, prefix, rate_band_id)"
           " SELECT p.id, '39', b.id FROM billing.rate_plans AS p, billing.rate_bands AS b"
           " WHERE p.code = 'other'");
    load();
    EXPECT_THAT(warnings(), UnorderedElementsAre(HasSubstr("band 'never': its hours must be"),
                                                 HasSubstr("prefix '91'"),
                                                 HasSubstr("metric 'sms' is left out"),
                                                 HasSubstr("left out: metric 'data'"),
                                                 HasSubstr("its band is another plan's")));
    EXPECT_EQ(plan("basic").rates().size(), 3U);
    EXPECT_EQ(cost_of("4420"), "1.7");
    EXPECT_EQ(plan("basic").metrics().size(), 1U);
    EXPECT_EQ(plan("other").rates().size(), 1U);
}

} // namespace
