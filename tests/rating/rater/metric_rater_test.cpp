#include "rating/rater/metric_rater.hpp"
#include "rating/tariff/metric_check.hpp"

#include "tests/rating/rater/builders.hpp"

#include <gtest/gtest.h>

// Values computed by hand. metric_property_test.cpp tests the sums of random events.

namespace tally::rating::tests {
namespace {

using ingest::record_error;

constexpr rounding to_four{rounding_mode::half_up, 4};

quantity much(std::string_view text) {
    return parse_quantity(text).value();
}

metric_price metric_of(price_model model) {
    metric_price price;
    price.name = "sms";
    price.model = model;
    return price;
}

metric_price per_unit(std::string_view price, std::string_view included = "0") {
    metric_price metric = metric_of(price_model::per_unit);
    metric.price = money(price);
    metric.included = much(included);
    return metric;
}

metric_price per_package(std::string_view price, std::string_view package) {
    metric_price metric = metric_of(price_model::package);
    metric.price = money(price);
    metric.package = much(package);
    return metric;
}

price_tier tier(std::string_view up_to, std::string_view price, std::string_view flat = "0") {
    price_tier t;
    t.up_to = up_to.empty() ? std::nullopt : parse_quantity(up_to);
    t.price = money(price);
    t.flat = money(flat);
    return t;
}

metric_price tiered(price_model model, std::vector<price_tier> tiers) {
    metric_price metric = metric_of(model);
    metric.tiers = std::move(tiers);
    return metric;
}

metric_price percent_of(std::string_view percent) {
    metric_price metric = metric_of(price_model::percentage);
    metric.percent = money(percent);
    return metric;
}

/// The price of a period with this total, as text; "overflow" when it does not fit.
std::string price_of(metric_price const& metric, std::string_view total,
                     rounding rounding = to_four) {
    auto const price = period_price(metric, rounding, much(total));
    return price ? to_string(*price) : "overflow";
}

struct priced {
    char const* total;
    char const* price;
};

void expect_prices(metric_price const& price, std::vector<priced> const& expected,
                   rounding rounding = to_four) {
    check_metric(price);
    for (auto const& each : expected) {
        EXPECT_EQ(price_of(price, each.total, rounding), each.price) << each.total;
    }
}

TEST(metric_price, per_unit_charges_what_is_beyond_the_included) {
    expect_prices(per_unit("0.10"),
                  {{"0", "0"}, {"1", "0.1"}, {"3", "0.3"}, {"2.5", "0.25"}, {"-4", "0"}});
    expect_prices(per_unit("0.10", "100"),
                  {{"1", "0"}, {"100", "0"}, {"100.5", "0.05"}, {"101", "0.1"}, {"250", "15"}});
}

TEST(metric_price, package_charges_each_started_one_whole) {
    expect_prices(
        per_package("5", "1024"),
        {{"0", "0"}, {"0.000000001", "5"}, {"1024", "5"}, {"1024.1", "10"}, {"2048", "10"}});
    expect_prices(per_package("0.25", "0.1"), {{"0.05", "0.25"}, {"0.1", "0.25"}, {"1", "2.5"}});
    metric_price with_included = per_package("5", "100");
    with_included.included = much("50");
    expect_prices(with_included, {{"50", "0"}, {"51", "5"}, {"150", "5"}, {"151", "10"}});
}

TEST(metric_price, graduated_charges_each_part_by_its_tier) {
    auto const price =
        tiered(price_model::graduated,
               {tier("1000", "0.10"), tier("5000", "0.08", "2"), tier("", "0.05", "1")});
    // 1000 x 0.10 = 100; + 2 + 4000 x 0.08 = 422; + 1 + 1000 x 0.05 = 473
    expect_prices(price, {{"1", "0.1"},
                          {"1000", "100"},
                          {"1000.5", "102.04"},
                          {"1001", "102.08"},
                          {"5000", "422"},
                          {"5001", "423.05"},
                          {"6000", "473"}});
}

TEST(metric_price, volume_charges_all_by_the_tier_it_ends_in) {
    auto const price =
        tiered(price_model::volume, {tier("10", "1"), tier("20", "0.8", "0.5"), tier("", "0.5")});
    expect_prices(price,
                  {{"10", "10"}, {"11", "9.3"}, {"20", "16.5"}, {"21", "10.5"}, {"40", "20"}});
}

TEST(metric_price, tiers_count_what_is_beyond_the_included) {
    auto price = tiered(price_model::graduated, {tier("10", "1", "3"), tier("", "0.5")});
    price.included = much("5");
    expect_prices(price, {{"5", "0"}, {"6", "4"}, {"15", "13"}, {"17", "14"}});
    price.model = price_model::volume;
    expect_prices(price, {{"5", "0"}, {"15", "13"}, {"16", "5.5"}});
}

TEST(metric_price, a_lone_tier_with_a_flat_is_a_fee_on_first_use) {
    expect_prices(tiered(price_model::graduated, {tier("", "0", "9.99")}),
                  {{"0", "0"}, {"0.001", "9.99"}, {"1000000", "9.99"}});
}

TEST(metric_price, percentage_takes_the_quantity_as_an_amount) {
    expect_prices(percent_of("2.5"),
                  {{"100", "2.5"}, {"0.40", "0.01"}, {"19.99", "0.4998"}, {"1000000", "25000"}});
    expect_prices(percent_of("0.000000001"), {{"1000000000000000000", "10000000"}});
    metric_price with_included = percent_of("10");
    with_included.included = much("50");
    expect_prices(with_included, {{"50", "0"}, {"60", "1"}});
}

TEST(metric_price, minimum_and_maximum_bound_a_period_with_any_usage) {
    metric_price price = per_unit("0.10", "10");
    price.minimum = money("5");
    price.maximum = money("20");
    expect_prices(
        price, {{"0", "0"}, {"1", "5"}, {"60", "5"}, {"61", "5.1"}, {"210", "20"}, {"9999", "20"}});
}

TEST(metric_price, is_rounded_once_by_the_plans_rule) {
    // 3 x 0.00005 = 0.00015, one unit 0.00005
    metric_price const price = per_unit("0.00005");
    expect_prices(price, {{"1", "0.0001"}, {"3", "0.0002"}, {"5", "0.0003"}});
    expect_prices(price, {{"1", "0"}, {"3", "0.0001"}}, {rounding_mode::down, 4});
    expect_prices(price, {{"1", "0.0001"}, {"3", "0.0002"}}, {rounding_mode::up, 4});
    expect_prices(price, {{"1", "0"}, {"3", "0.0002"}}, {rounding_mode::half_even, 4});
    // A part of a nano from a percentage still counts when rounding up.
    expect_prices(percent_of("0.000000001"), {{"0.000000001", "0.000000001"}},
                  {rounding_mode::up, 9});
    metric_price bounded = per_unit("1");
    bounded.maximum = money("0.12345");
    expect_prices(bounded, {{"1", "0.1235"}});
}

TEST(metric_price, below_zero_pays_back_and_rounds_away_from_zero) {
    expect_prices(per_unit("-0.10"), {{"1", "-0.1"}, {"2.5", "-0.25"}});
    expect_prices(per_unit("-0.00005"), {{"0.5", "-0.0001"}}, {rounding_mode::up, 4});
    expect_prices(per_unit("-0.00005"), {{"0.5", "0"}}, {rounding_mode::down, 4});
    expect_prices(percent_of("-1.5"), {{"200", "-3"}, {"0.01", "-0.0002"}});
}

TEST(metric_price, is_bounded_also_where_it_would_not_fit) {
    metric_price price = per_unit("9000000000");
    expect_prices(price,
                  {{"1", "9000000000"}, {"2", "overflow"}, {"1000000000000000000", "overflow"}});
    price.maximum = money("100");
    expect_prices(price, {{"1000000000000000000", "100"}});
    metric_price packages = per_package("9000000000", "0.000000001");
    expect_prices(packages, {{"1000000000000000000", "overflow"}});
    packages.maximum = money("7");
    expect_prices(packages, {{"1000000000000000000", "7"}});
    packages.price = money("-9000000000");
    packages.minimum = money("-3");
    expect_prices(packages, {{"1000000000000000000", "-3"}});
}

/// Rates events one after another as one period.
struct period {
    metric_price price;
    rounding rounding_mode = to_four;
    metric_usage now;

    rated_usage add(std::string_view value, ingest::time_us time = noon, bool is_new = true) {
        auto const rated = rate_usage(price, rounding_mode, now, {much(value), time, is_new});
        EXPECT_EQ(rated.error, record_error::none) << value;
        now = rated.after;
        return rated;
    }
    std::string cost(std::string_view value, ingest::time_us time = noon, bool is_new = true) {
        return to_string(add(value, time, is_new).cost);
    }
};

TEST(usage_rater, charges_the_difference_that_an_event_makes) {
    period p{per_unit("0.10", "100"), to_four, {}};
    auto const first = p.add("90");
    EXPECT_EQ(to_string(first.cost), "0");
    EXPECT_EQ(first.included, much("90"));
    EXPECT_EQ(first.billable, much("0"));
    auto const second = p.add("15.5");
    EXPECT_EQ(to_string(second.cost), "0.55");
    EXPECT_EQ(second.included, much("10"));
    EXPECT_EQ(second.included_used, much("100"));
    EXPECT_EQ(second.billable, much("5.5"));
    EXPECT_EQ(second.after.total, much("105.5"));
}

TEST(usage_rater, gives_back_what_a_volume_tier_makes_cheaper) {
    period p{tiered(price_model::volume, {tier("10", "1"), tier("", "0.5")}), to_four, {}};
    EXPECT_EQ(p.cost("10"), "10");
    EXPECT_EQ(p.cost("1"), "-4.5");
    EXPECT_EQ(p.cost("9"), "4.5");
}

TEST(usage_rater, telescopes_over_rounding) {
    period p{per_unit("0.00005"), to_four, {}};
    EXPECT_EQ(p.cost("1"), "0.0001"); // F: 0.0001, 0.0001, 0.0002, 0.0002
    EXPECT_EQ(p.cost("1"), "0");
    EXPECT_EQ(p.cost("1"), "0.0001");
    EXPECT_EQ(p.cost("1"), "0");
}

TEST(usage_rater, charges_a_minimum_with_the_first_use_and_none_with_nothing) {
    period p{per_unit("0.10"), to_four, {}};
    p.price.minimum = money("1");
    EXPECT_EQ(p.cost("0"), "0");
    EXPECT_EQ(p.cost("2"), "1");
    EXPECT_EQ(p.cost("8"), "0");
    EXPECT_EQ(p.cost("1"), "0.1");
}

TEST(usage_rater, takes_back_what_a_correction_takes_back) {
    period p{per_unit("0.10", "10"), to_four, {}};
    EXPECT_EQ(p.cost("12"), "0.2");
    auto const correction = p.add("-5");
    EXPECT_EQ(to_string(correction.cost), "-0.2");
    EXPECT_EQ(correction.included, much("-3"));
    EXPECT_EQ(correction.billable, much("-2"));
    EXPECT_EQ(correction.included_used, much("7"));
    EXPECT_EQ(p.add("-9").included_used, much("0")) << "before the usage that it corrects";
    EXPECT_EQ(p.cost("13"), "0.1");
}

TEST(usage_rater, counts_events_whatever_their_quantity) {
    period p{per_unit("2", "1"), to_four, {}};
    p.price.method = aggregation::count;
    EXPECT_EQ(p.cost("50"), "0");
    EXPECT_EQ(p.cost("0"), "2");
    EXPECT_EQ(p.cost("-7"), "2");
    EXPECT_EQ(p.now.total, much("3"));
}

TEST(usage_rater, charges_the_maximum_as_it_rises) {
    period p{per_unit("2"), to_four, {}};
    p.price.method = aggregation::max;
    EXPECT_EQ(p.cost("3"), "6");
    EXPECT_EQ(p.cost("2"), "0");
    EXPECT_EQ(p.cost("5"), "4");
    EXPECT_EQ(p.cost("-1"), "0");
}

TEST(usage_rater, charges_values_that_are_new) {
    period p{per_unit("2"), to_four, {}};
    p.price.method = aggregation::unique;
    p.price.unique_property = "user_id";
    EXPECT_EQ(p.cost("9", noon, true), "2");
    EXPECT_EQ(p.cost("9", noon, false), "0");
    EXPECT_EQ(p.cost("9", noon, true), "2");
}

TEST(usage_rater, charges_what_was_measured_last_however_late_it_arrives) {
    period p{per_unit("2"), to_four, {}};
    p.price.method = aggregation::latest;
    EXPECT_EQ(p.cost("5", noon + 10), "10");
    EXPECT_EQ(p.cost("9", noon), "0") << "measured earlier";
    EXPECT_EQ(p.cost("3", noon + 20), "-4");
    EXPECT_EQ(p.cost("2", noon + 20), "0") << "of two at one moment the greater";
    EXPECT_EQ(p.cost("4", noon + 20), "2");
}

TEST(usage_rater, says_when_something_does_not_fit) {
    metric_price const price = per_unit("1");
    metric_usage const full{quantity_max, INT64_MIN};
    EXPECT_EQ(rate_usage(price, to_four, {much("9000000000"), INT64_MIN}, {much("1e9")}).error,
              record_error::amount_overflow)
        << "the price";
    metric_price free = price;
    free.price = {};
    EXPECT_EQ(rate_usage(free, to_four, full, {much("0.000000001")}).error,
              record_error::amount_overflow)
        << "the quantity";
    EXPECT_EQ(rate_usage(free, to_four, full, {much("-1")}).error, record_error::none);
    // From one end of the range to the other.
    auto const steep =
        tiered(price_model::volume, {tier("1", "-9000000000"), tier("", "1000000000")});
    EXPECT_EQ(rate_usage(steep, to_four, {much("1"), INT64_MIN}, {much("8")}).error,
              record_error::amount_overflow);
}

} // namespace
} // namespace tally::rating::tests
