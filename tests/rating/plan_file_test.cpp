#include "rating/plan_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tally::rating {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

std::optional<std::string> no_decks(std::string_view) {
    return std::nullopt;
}

/// Problems as "line:column: what".
std::vector<std::string> problems_of(std::string_view text) {
    std::vector<std::string> found;
    for (auto const& each : read_plan(text, "plan.toml", no_decks).problems) {
        found.push_back(std::to_string(each.line) + ":" + std::to_string(each.column) + ": " +
                        each.what);
    }
    return found;
}

plan_definition plan_of(std::string_view text) {
    auto reading = read_plan(text, "plan.toml", no_decks);
    for (auto const& each : reading.problems) {
        ADD_FAILURE() << each.line << ":" << each.column << ": " << each.what;
    }
    return std::move(reading.plan).value_or(plan_definition{});
}

/// The plan of the page that defines the format.
constexpr std::string_view example = R"([plan]
code = "starter"
name = "Starter"
currency = "INR"
timezone = "Asia/Kolkata"
monthly_price = "349.00"
annual_price = "4008.00"
included_minutes = 500
included_dids = 1
max_concurrent_calls = 2
rounding = "half_up"
decimals = 4
split_at_bands = true
fallback = ""                      # another plan's code

[[band]]                           # no band at all = one band "any" that always holds
name = "peak"
days = ["mon", "tue", "wed", "thu", "fri"]
from = "08:00"
to = "19:00"                       # to <= from runs past midnight
weight = 10
[[band]]
name = "holiday"
dates = ["2026-01-26", "2026-08-15"]
weight = 20
[[band]]
name = "off-peak"
weight = 0

[[rate]]
prefix = "44"
name = "United Kingdom"
direction = "outbound"             # default
band = "peak"                      # default: any
call_type = "international"        # default: from the destinations table
connect_fee = "0.40"
minimum = "0"
maximum = ""
grace_s = 0
allowance = false
effective_from = "2026-01-01"
steps = [ { from_s = 0, price = "0.2", unit_s = 60, increment_s = 60 },
          { from_s = 60, price = "0.1", unit_s = 60, increment_s = 1 } ]

[[metric]]
name = "sms"
unit = "message"
aggregation = "sum"
included = "100"
model = "per_unit"
price = "0.10"
)";

TEST(plan_file, reads_the_example_of_the_page) {
    auto const plan = plan_of(example);
    EXPECT_EQ(plan.code, "starter");
    EXPECT_EQ(plan.time_zone, "Asia/Kolkata");
    EXPECT_EQ(plan.monthly_price.nanos, 349'000'000'000);
    ASSERT_TRUE(plan.annual_price);
    EXPECT_EQ(plan.annual_price->nanos, 4'008'000'000'000);
    EXPECT_EQ(plan.included_minutes, 500);
    EXPECT_EQ(plan.max_concurrent_calls, 2);
    EXPECT_EQ(plan.fallback, "");
    ASSERT_EQ(plan.bands.size(), 3U);
    EXPECT_EQ(plan.bands[0], (band{"peak", 0b11111, 8 * 3600, 19 * 3600, {}, 10}));
    EXPECT_EQ(plan.bands[1], (band{"holiday", 0, 0, band::day_s, {20479, 20680}, 20}));
    EXPECT_EQ(plan.bands[2], (band{"off-peak", 0, 0, band::day_s, {}, 0}));
    ASSERT_EQ(plan.rates.size(), 1U);
    rate uk;
    uk.prefix = "44";
    uk.name = "United Kingdom";
    uk.band = 0;
    uk.call_type = "international";
    uk.connect_fee.nanos = 400'000'000;
    uk.effective_from = 1'767'205'800LL * ingest::us_per_s; // midnight in Kolkata
    uk.steps = {{0, 60, 60, {200'000'000}}, {60, 60, 1, {100'000'000}}};
    EXPECT_EQ(plan.rates[0], uk);
    ASSERT_EQ(plan.metrics.size(), 1U);
    EXPECT_EQ(plan.metrics[0].included.nanos, 100'000'000'000);
    EXPECT_EQ(plan.metrics[0].price.nanos, 100'000'000);
}

TEST(plan_file, writes_what_it_reads_back) {
    auto const plan = plan_of(example);
    EXPECT_EQ(plan_of(write_plan(plan)), plan);
}

TEST(plan_file, says_all_problems_at_once_with_their_places) {
    EXPECT_THAT(problems_of(R"([plan]
code = "x"
curency = "INR"
monthly_price = 349.5
[[rate]]
prefix = "44"
band = "peek"
)"),
                ElementsAre("3:1: unknown key \"curency\" in [plan]; did you mean currency?",
                            HasSubstr("4:17: monthly_price: a number with a point"),
                            "5:1: a [[rate]] needs steps",
                            "7:8: band: there is no [[band]] \"peek\""));
}

} // namespace
} // namespace tally::rating
