#include "storage/lane/usage_totals.hpp"

#include "tests/rating/rater/builders.hpp"

#include <gtest/gtest.h>

#include <random>

// The sums of one batch: by period, by account and by day.

namespace tally::storage {
namespace {

using rating::amount;
using rating::tests::date_of;
using rating::tests::id_of;
using rating::tests::money;
using rating::tests::utc;

/// Account 1 has the subscriptions 0 (UTC, since the 1st) and 1 (India, since the 15th), account 2
/// has subscription 2.
std::unique_ptr<rating::catalog const> three_subscriptions() {
    rating::catalog_input input;
    for (char const* const zone : {"UTC", "Asia/Kolkata"}) {
        rating::tariff::header head;
        head.code = zone;
        head.time_zone = zone;
        head.included_s = 600;
        input.plans.push_back(
            std::make_shared<rating::tariff const>(head, std::vector<rating::rate>{}));
    }
    input.accounts = {{{id_of(1)}, "A"}, {{id_of(2)}, "B"}};
    for (std::uint8_t i = 0; i < 3; ++i) {
        rating::subscription contract;
        contract.id = id_of(static_cast<std::uint8_t>(10 + i));
        contract.account = i / 2U;
        contract.plan = i % 2U;
        contract.anchor = utc(2026, 1, i == 1 ? 15 : 1);
        input.subscriptions.push_back({contract, "S-" + std::to_string(i)});
    }
    return std::make_unique<rating::catalog const>(std::move(input));
}

class usage_totals_test : public ::testing::Test {
  protected:
    usage_totals_test() { totals_.begin(); }

    /// Adds a call that cost so much.
    void add(std::uint32_t period, rating::civil_day day, amount cost) {
        auto& delta = totals_.at(period).delta;
        ++delta.calls;
        delta.total_cost += cost;
        totals_.add_day(period, day, usage_totals::calls_metric,
                        {.quantity_nanos = 2, .billable_nanos = 3, .cost = cost}, out_);
    }
    std::uint32_t period(rating::catalog_index subscription, ingest::time_us time) {
        return totals_.index_of(*catalog_, subscription, time);
    }

    std::unique_ptr<rating::catalog const> catalog_ = three_subscriptions();
    usage_totals totals_;
    batch out_;
};

TEST_F(usage_totals_test, a_subscription_has_one_period_per_month) {
    auto const may = period(0, utc(2026, 5, 4));
    EXPECT_EQ(period(0, utc(2026, 5, 31, 23, 59, 59)), may);
    EXPECT_NE(period(0, utc(2026, 6, 1)), may);
    EXPECT_NE(period(2, utc(2026, 5, 4)), may);
    EXPECT_EQ(totals_.periods().size(), 3U);

    auto const& item = totals_.at(may);
    EXPECT_EQ(item.delta.subscription_id, id_of(10));
    EXPECT_EQ(item.delta.account_id, id_of(1));
    EXPECT_EQ(item.delta.period_start, utc(2026, 5, 1));
    EXPECT_EQ(item.delta.period_end, utc(2026, 6, 1));
    EXPECT_EQ(item.left.included_s, 600);
}

TEST_F(usage_totals_test, periods_begin_at_midnight_of_the_plans_zone) {
    auto const& item = totals_.at(period(1, utc(2026, 5, 14, 18, 30))); // 00:00 on the 15th there
    EXPECT_EQ(item.period.start, utc(2026, 5, 14, 18, 30));
    EXPECT_NE(period(1, utc(2026, 5, 14, 18, 29, 59)), period(1, utc(2026, 5, 14, 18, 30)));
}

TEST_F(usage_totals_test, begins_at_the_states_that_were_read) {
    auto const may = period(0, utc(2026, 5, 4));
    totals_.at(may).before = {.version = 7, .included_seconds_used = 60};
    totals_.start(out_);
    EXPECT_EQ(totals_.at(may).delta.expected_version, 7);
    EXPECT_EQ(totals_.at(may).left.used_s, 60);
}

TEST_F(usage_totals_test, writes_a_row_for_each_period_that_moved_and_none_for_others) {
    auto const may = period(0, utc(2026, 5, 4));
    period(0, utc(2026, 6, 4));
    totals_.start(out_);
    add(may, date_of(2026, 5, 4), money("1.5"));
    totals_.finish(out_);
    ASSERT_EQ(out_.usage.size(), 1U);
    EXPECT_EQ(out_.usage[0].period_start, utc(2026, 5, 1));
    EXPECT_EQ(to_string(out_.usage[0].total_cost), "1.5");
}

TEST_F(usage_totals_test, an_account_has_one_balance_over_all_its_subscriptions) {
    auto const first = period(0, utc(2026, 5, 4));
    auto const second = period(1, utc(2026, 5, 4));
    auto const other = period(2, utc(2026, 5, 4));
    totals_.start(out_);
    add(first, date_of(2026, 5, 4), money("1"));
    add(other, date_of(2026, 5, 4), money("7"));
    add(second, date_of(2026, 5, 4), money("0.25"));
    totals_.finish(out_);
    ASSERT_EQ(out_.balances.size(), 2U);
    EXPECT_EQ(out_.balances[0].account_id, id_of(1));
    EXPECT_EQ(to_string(out_.balances[0].charge), "1.25");
    EXPECT_EQ(to_string(out_.balances[1].charge), "7");
}

TEST_F(usage_totals_test, a_day_has_one_row_per_subscription_and_metric) {
    auto const may = period(0, utc(2026, 5, 4));
    auto const sms = totals_.metric_number("sms");
    totals_.start(out_);
    add(may, date_of(2026, 5, 4), money("1"));
    add(may, date_of(2026, 5, 5), money("2"));
    add(may, date_of(2026, 5, 4), money("4"));
    totals_.add_day(may, date_of(2026, 5, 4), sms, {.quantity_nanos = 9, .cost = money("8")}, out_);
    add(may, date_of(2026, 5, 4), money("16"));
    ASSERT_EQ(out_.daily.size(), 3U);
    EXPECT_EQ(out_.daily[0].metric, "calls");
    EXPECT_EQ(out_.daily[0].events, 3);
    EXPECT_EQ(out_.daily[0].quantity_nanos, 6);
    EXPECT_EQ(out_.daily[0].billable_nanos, 9);
    EXPECT_EQ(to_string(out_.daily[0].cost), "21");
    EXPECT_EQ(out_.daily[1].day, date_of(2026, 5, 5));
    EXPECT_EQ(out_.daily[2].metric, "sms");
    EXPECT_EQ(to_string(out_.daily[2].cost), "8");
}

TEST_F(usage_totals_test, metrics_keep_their_number_and_their_text) {
    EXPECT_EQ(totals_.metric_number("calls"), usage_totals::calls_metric);
    auto const sms = totals_.metric_number("sms");
    auto const text = totals_.metric_name(sms);
    for (int i = 0; i < 1000; ++i) {
        totals_.metric_number("metric " + std::to_string(i));
    }
    totals_.begin();
    EXPECT_EQ(totals_.metric_number("sms"), sms);
    EXPECT_EQ(text, "sms");
    EXPECT_EQ(totals_.metric_name(sms).data(), text.data()) << "rows view it";
}

TEST_F(usage_totals_test, begins_each_batch_without_the_one_before) {
    auto const may = period(0, utc(2026, 5, 4));
    totals_.start(out_);
    add(may, date_of(2026, 5, 4), money("1"));
    totals_.finish(out_);

    catalog_ = three_subscriptions(); // perhaps at the address of the old one
    totals_.begin();
    EXPECT_TRUE(totals_.periods().empty());
    totals_.start(out_);
    EXPECT_TRUE(out_.daily.empty());
    auto const june = period(1, utc(2026, 6, 4));
    totals_.start(out_);
    add(june, date_of(2026, 6, 4), money("2"));
    totals_.finish(out_);
    ASSERT_EQ(out_.usage.size(), 1U);
    EXPECT_EQ(out_.usage[0].subscription_id, id_of(11));
    EXPECT_EQ(to_string(out_.balances.at(0).charge), "2");
}

// The same amounts, added up in three ways (docs/ARCHITECTURE.md, R10).
TEST_F(usage_totals_test, all_sums_agree_to_the_last_digit) {
    auto const seed = std::random_device{}();
    SCOPED_TRACE(testing::Message() << "seed " << seed);
    std::mt19937 random{seed};
    struct dated {
        std::uint32_t period;
        rating::civil_day day;
        amount cost;
    };
    std::vector<dated> calls;
    rating::amount_sum wanted;
    for (int i = 0; i < 500; ++i) {
        auto const day = static_cast<unsigned>(1 + random() % 28);
        auto const subscription = static_cast<rating::catalog_index>(random() % 3);
        amount const cost{static_cast<std::int64_t>(random()) * (random() % 2 == 0 ? 1 : -1)};
        calls.push_back({period(subscription, utc(2026, 5, day)), date_of(2026, 5, day), cost});
        wanted += cost;
    }
    totals_.start(out_);
    for (auto const& each : calls) {
        add(each.period, each.day, each.cost);
    }
    totals_.finish(out_);

    rating::amount_sum usage;
    rating::amount_sum balances;
    rating::amount_sum daily;
    for (auto const& row : out_.usage) {
        usage += row.total_cost;
    }
    for (auto const& row : out_.balances) {
        balances += row.charge;
    }
    for (auto const& row : out_.daily) {
        daily += row.cost;
    }
    EXPECT_EQ(usage, wanted);
    EXPECT_EQ(balances, wanted);
    EXPECT_EQ(daily, wanted);
}

} // namespace
} // namespace tally::storage
