#include "rating/plan_file/plan_file.hpp"
#include "rating/plan_file/plan_writer.hpp"

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
                        each.text);
    }
    return found;
}

plan_definition plan_of(std::string_view text) {
    auto reading = read_plan(text, "plan.toml", no_decks);
    for (auto const& each : reading.problems) {
        ADD_FAILURE() << each.line << ":" << each.column << ": " << each.text;
    }
    return std::move(reading.plan).value_or(plan_definition{});
}

/// The plan of the document that defines the format.
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

TEST(plan_file, says_all_problems_at_once_with_their_locations) {
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

/// A valid plan to which a test case adds text.
std::string with(std::string const& more) {
    return "[plan]\ncode = \"x\"\n" + more;
}

struct bad_case {
    char const* text;
    char const* problem;
};

/// Expects exactly this problem for each text, which follows the two lines of a valid plan.
void expect_problems(std::vector<bad_case> const& cases) {
    for (auto const& [text, problem] : cases) {
        EXPECT_THAT(problems_of(with(text)), ElementsAre(HasSubstr(problem))) << text;
    }
}

constexpr char const* steps = "steps = [ { price = \"1\" } ]\n";

TEST(plan_file, says_what_is_wrong_with_the_plan) {
    EXPECT_THAT(problems_of(""), ElementsAre("1:1: there is no [plan]: it names the plan"));
    EXPECT_THAT(problems_of("[plan]\ncode = \"Starter!\"\n"),
                ElementsAre(HasSubstr("2:8: code: lowercase letters, digits")));
    expect_problems({
        {"name = \"\"", "3:8: name: must not be empty"},
        {"name = 5", "3:8: name: must be text in quotes"},
        {"name = \"a\\u0000b\"", "3:8: name: must not contain control characters"},
        {"currency = \"Rupees\"", "currency: must be three capital letters"},
        {"timezone = \"Asia/Kolkatta\"", "there is no time zone \"Asia/Kolkatta\""},
        {"monthly_price = 1.5", "3:17: monthly_price: a number with a point is kept inexactly: "
                                "write it in quotes, \"1.5\""},
        {"monthly_price = true", "must be a decimal number in quotes"},
        {"monthly_price = \"1,5\"", "\"1,5\" is no amount"},
        {"monthly_price = \"-1\"", "monthly_price: must not be negative"},
        {"annual_price = \"0.1234567\"", "annual_price: has more than six decimals"},
        {"included_minutes = -1", "must be a whole number, 0 to 2147483647"},
        {"max_concurrent_calls = 0", "must be a whole number, 1 to 2147483647"},
        {"rounding = \"bankers\"",
         "rounding: \"bankers\" is not one of up, down, half_up, half_even"},
        {"rounding = \"\"", "rounding: must be one of up, down"},
        {"decimals = 10", "must be a whole number, 0 to 9"},
        {"split_at_bands = 1", "must be true or false"},
        {"fallback = \"x\"", "a plan cannot be its own fallback"},
        {"fallback = \"A B\"", "must be another plan's code"},
        {"tier = \"gold\"", "tier: \"gold\" is not one of free, starter"},
        {"billing_interval = \"weekly\"", "\"weekly\" is not one of monthly, yearly"},
        {"features = 3", "features: must be text in quotes"},
        {"features = \"[1]\"", "features: must be a table, or a JSON object as text"},
        {"[bands]", "3:2: unknown key \"bands\" in a plan file; did you mean band?"},
        {"[rate]\nprefix = \"4\"", "rate: must be written [[rate]]"},
        {"[plan.colour]", "unknown key \"colour\" in [plan]; it may have code, name"},
        {"code = \"y\"", "3:"},
        {"name = \"", "3:"},
    });
}

TEST(plan_file, says_what_is_wrong_with_a_band) {
    expect_problems({
        {"[[band]]\nweight = 1", "3:1: a [[band]] needs name"},
        {"[[band]]\nname = \"\"", "name: must not be empty"},
        {"[[band]]\nname = \"any\"", "\"any\" is the band of rates that name none"},
        {"[[band]]\nname = \"a\"\n[[band]]\nname = \"a\"",
         "6:8: name: there is already a band \"a\", at line 3"},
        {"[[band]]\nname = \"a\"\ndays = [\"monday\"]",
         "5:9: days: \"monday\" is not one of mon, tue"},
        {"[[band]]\nname = \"a\"\ndays = \"mon\"", "days: must be a list"},
        {"[[band]]\nname = \"a\"\ndays = [1]", "days: must be text in quotes"},
        {"[[band]]\nname = \"a\"\ndates = [\"2026-02-30\"]",
         "\"2026-02-30\" is not a date such as"},
        {"[[band]]\nname = \"a\"\nfrom = \"8:00\"", "from: must be a time of day"},
        {"[[band]]\nname = \"a\"\nto = \"24:01\"", "to: must be a time of day"},
        {"[[band]]\nname = \"a\"\nfrom = \"24:00\"", "a band cannot begin at the end of a day"},
        {"[[band]]\nname = \"a\"\nweight = \"1\"", "weight: must be a whole number"},
    });
    std::string many;
    for (int i = 0; i <= 1000; ++i) {
        many += "[[band]]\nname = \"" + std::to_string(i) + "\"\n";
    }
    EXPECT_THAT(problems_of(with(many)), ElementsAre(HasSubstr("at most 1000 bands")));
}

TEST(plan_file, says_what_is_wrong_with_a_rate) {
    auto const rate_with = [](std::string const& more) {
        return with("[[rate]]\nprefix = \"44\"\n" + more);
    };
    std::vector<bad_case> const cases{
        {"steps = []", "3:1: it has no steps"},
        {"steps = 5", "steps: must be a list of tables"},
        {"steps = [ 5 ]", "steps: must be a table"},
        {"steps = [ { unit_s = 60 } ]", "a step needs price"},
        {"steps = [ { price = 0.2 } ]", "write it in quotes, \"0.2\""},
        {"steps = [ { price = \"1\", unit_s = 0 } ]", "unit_s: must be a whole number, 1 to"},
        {"steps = [ { price = \"1\", increment = 6 } ]", "did you mean increment_s?"},
        {"steps = [ { price = \"1\", from_s = 5 } ]", "its first step must have from_s = 0"},
        {"steps = [ { price = \"1\" }, { price = \"1\" } ]", "a step needs from_s"},
        {"steps = [ { price = \"1\" }, { price = \"1\", from_s = 0 } ]",
         "steps must be in the order of from_s: 0 follows 0"},
        {"steps = [ { price = \"1\", unit_s = 2147483647 },"
         " { from_s = 1, price = \"1\", unit_s = 2147483629 },"
         " { from_s = 2, price = \"1\", unit_s = 2147483587 } ]",
         "have no common multiple below 2^62"}};
    for (auto const& [text, problem] : cases) {
        EXPECT_THAT(problems_of(rate_with(text)), ElementsAre(HasSubstr(problem))) << text;
    }
    std::vector<bad_case> const others{
        {"band = \"peak\"", "band: there is no [[band]] \"peak\""},
        {"direction = \"both\"", "\"both\" is not one of outbound, inbound"},
        {"minimum = \"2\"\nmaximum = \"1\"", "its maximum 1 is below its minimum 2"},
        {"connect_fee = \"-1\"", "connect_fee: must not be negative"},
        {"grace_s = -1", "grace_s: must be a whole number"},
        {"allowance = \"yes\"", "allowance: must be true or false"},
        {"effective_from = \"soon\"", "effective_from: must be a date such as"},
        {"effective_from = \"2026-02-01\"\neffective_to = \"2026-02-01\"",
         "its effective_to must be after its effective_from"},
        {"colour = 1", "unknown key \"colour\" in a [[rate]]; it may have prefix"}};
    for (auto const& [text, problem] : others) {
        EXPECT_THAT(problems_of(rate_with(steps + std::string{text})),
                    ElementsAre(HasSubstr(problem)))
            << text;
    }
    expect_problems(
        {{"[[rate]]\nsteps = [ { price = \"1\" } ]", "a [[rate]] needs prefix"},
         {"[[rate]]\nprefix = 44\nsteps = [ { price = \"1\" } ]", "prefix: must be text in quotes"},
         {"[[rate]]\nprefix = \"4-4\"\nsteps = [ { price = \"1\" } ]", "\"4-4\" is not a prefix"}});
}

TEST(plan_file, says_which_rates_contradict_each_other) {
    std::string const first = "[[rate]]\nprefix = \"44\"\n";
    EXPECT_THAT(problems_of(with(first + steps + first + steps)),
                ElementsAre(HasSubstr("6:1: the same rate as line 3: prefix \"44\"")));
    EXPECT_THAT(problems_of(with(first + "effective_to = \"2026-06-01\"\n" + steps + first +
                                 "effective_from = \"2026-05-01\"\n" + steps)),
                ElementsAre(HasSubstr("7:1: it begins before the rate at line 3 of prefix \"44\" "
                                      "ends by its effective_to")));
    // The next version replaces one without an end, and an exception has an end of its own.
    EXPECT_THAT(problems_of(with(first + steps + first + "effective_from = \"2026-05-01\"\n" +
                                 "effective_to = \"2026-06-01\"\n" + steps + first +
                                 "on_net = true\n" + steps)),
                IsEmpty());
}

TEST(plan_file, says_what_is_wrong_with_a_metric) {
    auto const problems_with = [](std::string const& more) {
        return problems_of(with("[[metric]]\nname = \"sms\"\n" + more));
    };
    std::vector<bad_case> const cases{
        {"", "a [[metric]] needs price"},
        {"price = \"1\"\nmodel = \"flat\"", "\"flat\" is not one of per_unit, package"},
        {"price = \"1\"\naggregation = \"avg\"", "\"avg\" is not one of sum, count"},
        {"price = \"1\"\naggregation = \"unique\"", "needs unique_property"},
        {"price = \"1\"\nunique_property = \"a\"", "aggregation unique, and only it"},
        {"price = \"1\"\nincluded = \"-1\"", "included: must not be negative"},
        {"price = \"1\"\nincluded = \"lots\"", "\"lots\" is not a quantity"},
        {"price = \"1\"\npackage = \"5\"", "package: has no effect with the model per_unit"},
        {"price = \"1\"\nmodel = \"package\"", "a [[metric]] needs package"},
        {"price = \"1\"\nmodel = \"package\"\npackage = \"0\"", "the units in one, above 0"},
        {"model = \"percentage\"", "a [[metric]] needs percent"},
        {"model = \"percentage\"\npercent = \"101\"", "its percent is above 100"},
        {"model = \"graduated\"", "a [[metric]] needs tiers"},
        {"model = \"volume\"\ntiers = []", "graduated and volume need tiers"},
        {"model = \"volume\"\ntiers = [ { price = \"1\", up_to = \"5\" } ]",
         "its last tier must not have up_to"},
        {"model = \"volume\"\ntiers = [ { price = \"1\" }, { price = \"1\" } ]",
         "only its last tier may be without up_to"},
        {"model = \"volume\"\ntiers = [ { price = \"1\", up_to = \"0\" }, { price = \"1\" } ]",
         "up_to of a tier must be above 0"},
        {"model = \"volume\"\ntiers = [ { price = \"1\", up_to = \"5\" },"
         " { price = \"1\", up_to = \"5\" }, { price = \"1\" } ]",
         "its tiers must ascend: up_to 5 follows 5"},
        {"model = \"volume\"\ntiers = [ { flat = \"1\" } ]", "a tier needs price"},
        {"price = \"1\"\nminimum = \"5\"\nmaximum = \"4\"", "its maximum 4 is below"},
        {"price = \"1\"\neffective_from = \"2026-02-01\"\neffective_to = \"2026-01-01\"",
         "its effective_to must be after"},
        {"price = \"1\"\n[[metric]]\nname = \"sms\"\nprice = \"2\"",
         "the same metric as line 3: \"sms\""},
        {"price = \"1\"\neffective_to = \"2026-02-01\"\n[[metric]]\nname = \"sms\"\n"
         "price = \"2\"\neffective_from = \"2026-01-01\"",
         "it holds at the same time as the metric at line 3"}};
    for (auto const& [text, problem] : cases) {
        EXPECT_THAT(problems_with(text), ElementsAre(HasSubstr(problem))) << text;
    }
    EXPECT_THAT(problems_of(with("[[metric]]\nname = \"\"\nprice = \"1\"")),
                ElementsAre(HasSubstr("name: must not be empty")));
}

TEST(plan_file, says_which_deck_cannot_be_read) {
    expect_problems({{"[[deck]]\nfile = \"none.csv\"", "file: \"none.csv\" cannot be read"},
                     {"[[deck]]", "a [[deck]] needs file"}});
    EXPECT_THAT(problems_of(with("[[deck]]\nfile = \"a\"\nname = \"b\"")),
                ElementsAre(HasSubstr("cannot be read"),
                            HasSubstr("unknown key \"name\" in a [[deck]]; it may have file")));
}

TEST(plan_file, takes_numbers_and_times_as_toml_has_them) {
    auto const plan = plan_of(with("timezone = \"Europe/Berlin\"\nmonthly_price = 349\n"
                                   "[[band]]\nname = \"a\"\nfrom = 08:00:00\nto = \"24:00\"\n"
                                   "dates = [2026-01-26, \"2026-01-26\"]\n"
                                   "[[rate]]\nprefix = \"+44\"\n"
                                   "steps = [ { price = -2 } ]\neffective_from = 2026-07-01\n"
                                   "effective_to = 2026-07-01T12:00:00\n"));
    EXPECT_EQ(plan.monthly_price.nanos, 349'000'000'000);
    EXPECT_EQ(plan.bands[0], (band{"a", 0, 8 * 3600, band::day_s, {20479}, 0}));
    EXPECT_EQ(plan.rates[0].prefix, "44");
    EXPECT_EQ(plan.rates[0].steps[0].price.nanos, -2'000'000'000);
    EXPECT_EQ(plan.rates[0].effective_from, 1'782'856'800LL * ingest::us_per_s);
    EXPECT_EQ(plan.rates[0].effective_to, 1'782'900'000LL * ingest::us_per_s);
}

TEST(plan_file, features_compare_by_content) {
    auto const plan = plan_of(with("features = { b = [1, 2.5, \"x\"], a = { z = true } }"));
    EXPECT_EQ(plan.features, R"({"a":{"z":true},"b":[1,2.5,"x"]})");
    EXPECT_EQ(plan_of(write_plan(plan)), plan);
    auto const json = plan_of(with("features = '{ \"b\": null, \"a\": 1, \"a\": 2 }'"));
    EXPECT_EQ(json.features, R"({"a":2,"b":null})");
    EXPECT_EQ(plan_of(write_plan(json)), json);
    EXPECT_EQ(plan_of(with("features = {}")).features, "");
}

} // namespace
} // namespace tally::rating
