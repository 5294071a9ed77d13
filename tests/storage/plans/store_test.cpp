#include "storage/plans/store.hpp"

#include "rating/plan/values.hpp"
#include "storage/postgres/database_error.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/catalog_of.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/random_plan.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <thread>

namespace tally::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using tests::private_postgres;
using tests::query_one;
using tests::query_rows;

rating::rate rate_of(std::string prefix, std::int64_t price_nanos) {
    rating::rate one;
    one.prefix = std::move(prefix);
    one.steps = {{0, 60, 60, {price_nanos}}};
    return one;
}

rating::plan_definition plan_of(std::string code, std::vector<rating::rate> rates = {}) {
    rating::plan_definition plan;
    plan.code = std::move(code);
    plan.name = "Test";
    plan.rates = std::move(rates);
    return plan;
}

class plan_store_test : public testing::Test {
  protected:
    std::string database_ = private_postgres::shared().migrated_database();
    pq_connection connection_{database_, "test"};
    plan_store store_{connection_};

    std::vector<rating::plan_difference> apply(std::vector<rating::plan_definition> plans,
                                               apply_mode mode = apply_mode::commit) {
        std::vector<plan_to_apply> all;
        all.reserve(plans.size());
        for (auto& each : plans) {
            all.push_back({std::move(each), {}});
        }
        return store_.apply(all, mode);
    }

    /// The message of the refusal; "" if it is accepted.
    std::string refusal(std::vector<rating::plan_definition> plans) {
        try {
            apply(std::move(plans));
            return "";
        } catch (std::runtime_error const& error) {
            return error.what();
        }
    }

    /// All rows that a plan consists of.
    std::vector<std::string> content() {
        std::string sql;
        for (char const* table : {"rate_plans", "rate_bands", "holidays", "rates", "rate_steps",
                                  "metric_prices", "metric_tiers"}) {
            sql += std::string{sql.empty() ? "" : " UNION ALL "} + "SELECT t::text FROM billing." +
                   table + " t";
        }
        return query_rows(database_, sql + " ORDER BY 1");
    }
};

TEST_F(plan_store_test, gives_back_what_was_applied_and_changes_nothing_the_second_time) {
    auto const made = [] { return tests::random_plan("round-trip"); };
    bool const holds = rc::check("apply, find, apply", [&] {
        auto const plan = made();
        apply({plan});
        auto const before = content();
        auto const found = store_.find(plan.code);
        RC_ASSERT(found.has_value());
        auto const again = apply({*found});
        RC_ASSERT(again[0].empty());
        RC_ASSERT(apply({plan})[0].empty());
        RC_ASSERT(content() == before);
        // A plan that did not exist before is stored exactly as written.
        tests::execute(database_, "DELETE FROM billing.rate_plans");
        apply({plan});
        auto fresh = store_.find(plan.code).value_or(rating::plan_definition{});
        RC_ASSERT(fresh == plan);
    });
    EXPECT_TRUE(holds);
}

TEST_F(plan_store_test, closes_a_changed_rate_and_keeps_it) {
    apply({plan_of("basic", {rate_of("44", 1), rate_of("91", 2)})});
    apply({plan_of("basic", {rate_of("44", 5), rate_of("91", 2)})});
    EXPECT_THAT(query_rows(database_, "SELECT r.prefix, trim_scale(s.price * 1000000000),"
                                      " r.effective_from = '-infinity', r.effective_to = 'infinity'"
                                      " FROM billing.rates r JOIN billing.rate_steps s"
                                      " ON s.rate_id = r.id ORDER BY 1, 2"),
                ElementsAre("44|1|t|f", "44|5|f|t", "91|2|t|t"));
    EXPECT_EQ(query_one(database_, "SELECT count(DISTINCT moment) FROM (SELECT effective_to AS"
                                   " moment FROM billing.rates WHERE effective_to < 'infinity'"
                                   " UNION ALL SELECT effective_from FROM billing.rates"
                                   " WHERE effective_from > '-infinity') m"),
              "1");
}

TEST_F(plan_store_test, closes_a_rate_that_is_gone) {
    apply({plan_of("basic", {rate_of("44", 1), rate_of("91", 2)})});
    apply({plan_of("basic", {rate_of("91", 2)})});
    EXPECT_THAT(query_rows(database_, "SELECT prefix FROM billing.rates"
                                      " WHERE effective_to <= clock_timestamp()"),
                ElementsAre("44"));
    EXPECT_EQ(store_.find("basic")->rates.size(), 1U);
}

TEST_F(plan_store_test, keeps_the_ids_of_what_stays) {
    apply({plan_of("basic", {rate_of("44", 1), rate_of("91", 2)})});
    auto const before = query_rows(database_, "SELECT id FROM billing.rates ORDER BY 1");
    auto renamed = plan_of("basic", {rate_of("44", 1), rate_of("91", 2)});
    renamed.rates[0].name = "United Kingdom";
    renamed.name = "Other";
    apply({renamed});
    EXPECT_EQ(query_rows(database_, "SELECT id FROM billing.rates ORDER BY 1"), before);
    EXPECT_EQ(query_one(database_, "SELECT name FROM billing.rates WHERE prefix = '44'"),
              "United Kingdom");
    EXPECT_EQ(query_one(database_, "SELECT name FROM billing.rate_plans"), "Other");
}

TEST_F(plan_store_test, a_dry_run_changes_nothing) {
    apply({plan_of("basic", {rate_of("44", 1)})});
    auto const before = content();
    EXPECT_FALSE(apply({plan_of("basic", {rate_of("44", 2)})}, apply_mode::dry_run)[0].empty());
    EXPECT_EQ(content(), before);
}

TEST_F(plan_store_test, applies_all_plans_or_none) {
    auto bad = plan_of("second");
    bad.fallback = "nowhere";
    EXPECT_THAT(refusal({plan_of("first", {rate_of("44", 1)}), bad}),
                HasSubstr("there is no plan 'nowhere' to fall back to"));
    EXPECT_THAT(content(), IsEmpty());
    EXPECT_THAT(refusal({plan_of("first"), plan_of("first")}), HasSubstr("is given twice"));
}

TEST_F(plan_store_test, plans_fall_back_to_one_another_in_any_order) {
    auto first = plan_of("first");
    first.fallback = "second";
    apply({first, plan_of("second", {rate_of("44", 1)})});
    EXPECT_EQ(store_.find("first")->fallback, "second");
    auto second = plan_of("second", {rate_of("44", 1)});
    second.fallback = "first";
    EXPECT_THAT(refusal({second}), HasSubstr("falls back to itself in the end"));
    second.fallback = "";
    second.currency = "EUR";
    EXPECT_THAT(refusal({second}), HasSubstr("plan 'first' is in INR, its fallback plan 'second' "
                                             "in EUR"));
    first.fallback = "";
    apply({first});
    EXPECT_EQ(store_.find("first")->fallback, "");
}

TEST_F(plan_store_test, refuses_what_a_plan_in_use_does_not_allow) {
    tests::make_telecom(database_, 1);
    auto basic = *store_.find("basic");
    EXPECT_TRUE(apply({basic})[0].empty()) << "a plan made by hand comes back as it is";
    basic.currency = "EUR";
    EXPECT_THAT(refusal({basic}), HasSubstr("1 subscriptions in INR: its currency cannot become"));
    tests::execute(database_, "UPDATE billing.rate_plans SET deleted_at = now()");
    EXPECT_THAT(refusal({plan_of("basic")}), HasSubstr("plan 'basic' is deleted"));
    EXPECT_EQ(store_.find("basic"), std::nullopt);
}

TEST_F(plan_store_test, is_what_the_catalog_rates_by) {
    auto plan = plan_of("basic", {rate_of("44", 7)});
    plan.bands = {{"peak", 31, 8 * 3600, 19 * 3600, {20479}, 10}};
    plan.rates[0].band = 0;
    plan.rates[0].connect_fee.nanos = 5;
    rating::metric_price sms;
    sms.name = "sms";
    sms.price.nanos = 3;
    plan.metrics = {sms};
    apply({plan});
    auto const catalog = tests::catalog_of(database_);
    ASSERT_EQ(catalog->plans(), 1U);
    auto const& tariff = catalog->plan_at(0);
    ASSERT_EQ(tariff.rates().size(), 1U);
    EXPECT_EQ(tariff.rates()[0].connect_fee.nanos, 5);
    EXPECT_THAT(tariff.bands(), ElementsAre(plan.bands[0]));
    ASSERT_EQ(tariff.metrics().size(), 1U);
    EXPECT_EQ(tariff.metrics()[0].price.nanos, 3);
}

TEST_F(plan_store_test, takes_turns) {
    {
        std::vector<std::jthread> all;
        for (int i = 1; i <= 4; ++i) {
            all.emplace_back([this, i] {
                pq_connection connection{database_, "test"};
                plan_store store{connection};
                std::vector<plan_to_apply> const plans{
                    {plan_of("basic", {rate_of("44", i), rate_of("91", i)}), {}}};
                store.apply(plans, apply_mode::commit);
            });
        }
    }
    EXPECT_EQ(query_one(database_, "SELECT count(*) FROM billing.rates"), "8");
    EXPECT_EQ(query_one(database_, "SELECT count(DISTINCT s.price) FROM billing.rates r"
                                   " JOIN billing.rate_steps s ON s.rate_id = r.id"
                                   " WHERE r.effective_to = 'infinity'"),
              "1")
        << "one of them came last, as a whole";
}

TEST_F(plan_store_test, stores_a_deck_in_few_statements) {
    std::vector<rating::rate> rates;
    rates.reserve(60'000);
    for (int i = 0; i < 60'000; ++i) {
        rates.push_back(rate_of(std::to_string(10'000'000 + i), i));
    }
    apply({plan_of("deck", rates)});
    EXPECT_EQ(query_one(database_, "SELECT count(*) FROM billing.rates"), "60000");
    rates.pop_back();
    auto const changes = apply({plan_of("deck", rates)});
    EXPECT_EQ(changes[0].rates.ended.size(), 1U);
    EXPECT_THAT(changes[0].rates.added, IsEmpty());
}

TEST_F(plan_store_test, lists_plans_by_code) {
    tests::make_telecom(database_, 2);
    apply({plan_of("another", {rate_of("44", 1)})});
    auto const plans = store_.list();
    ASSERT_EQ(plans.size(), 2U);
    EXPECT_EQ(plans[0], (plan_summary{"another", "Test", "INR", "0", 1, 0, 0, true}));
    EXPECT_EQ(plans[1].code, "basic");
    EXPECT_EQ(plans[1].subscriptions, 2);
}

TEST_F(plan_store_test, knows_the_words_of_the_database) {
    auto const labels = [this](std::string const& type) {
        return query_one(database_, "SELECT string_agg(e::text, ' ') FROM unnest(enum_range("
                                    "NULL::billing." +
                                        type + ")) AS e");
    };
    auto const joined = [](auto const& names) {
        std::string text;
        for (auto const name : names) {
            text.append(text.empty() ? "" : " ").append(name);
        }
        return text;
    };
    EXPECT_EQ(labels("plan_tier"), joined(rating::tier_names));
    EXPECT_EQ(labels("billing_interval"), joined(rating::interval_names));
}

TEST(plan_store, says_why_there_is_no_database) {
    pq_connection connection{"host=/nowhere dbname=none", "test"};
    EXPECT_THROW(plan_store{connection}.list(), database_error);
}

} // namespace
} // namespace tally::storage
