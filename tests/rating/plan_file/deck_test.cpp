#include "rating/plan_file/plan_file.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tally::rating {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr std::string_view plan_text = R"([plan]
code = "test"
timezone = "Asia/Kolkata"
[[band]]
name = "peak"
[[deck]]
file = "deck.csv"
)";

plan_reading read_deck_text(std::string const& deck) {
    return read_plan(plan_text, "plan.toml", [&](std::string_view) { return std::optional{deck}; });
}

std::vector<rate> rates_of(std::string const& deck) {
    auto reading = read_deck_text(deck);
    for (auto const& each : reading.problems) {
        ADD_FAILURE() << each.file << ":" << each.line << ":" << each.column << ": " << each.text;
    }
    return reading.plan ? reading.plan->rates : std::vector<rate>{};
}

/// Problems as "file:line:column: what".
std::vector<std::string> problems_of(std::string const& deck) {
    std::vector<std::string> found;
    for (auto const& each : read_deck_text(deck).problems) {
        found.push_back(each.file + ":" + std::to_string(each.line) + ":" +
                        std::to_string(each.column) + ": " + each.text);
    }
    return found;
}

TEST(deck, reads_every_column_in_any_order) {
    auto const rates = rates_of(
        "price,prefix,name,direction,band,call_type,connect_fee,unit_s,increments,minimum,maximum,"
        "grace_s,allowance,on_net,effective_from,effective_to\n"
        "0.2,44,United Kingdom,inbound,peak,international,0.4,30,60/6,1,9,3,yes,true,2026-01-01,"
        "2026-02-01T00:00:00Z\n");
    ASSERT_EQ(rates.size(), 1U);
    rate wanted;
    wanted.prefix = "44";
    wanted.name = "United Kingdom";
    wanted.direction = ingest::call_direction::inbound;
    wanted.band = 0;
    wanted.call_type = "international";
    wanted.connect_fee.nanos = 400'000'000;
    wanted.minimum.nanos = 1'000'000'000;
    wanted.maximum.nanos = 9'000'000'000;
    wanted.grace_s = 3;
    wanted.allowance = true;
    wanted.is_on_net = true;
    wanted.effective_from = 1'767'205'800LL * ingest::us_per_s; // midnight in Kolkata
    wanted.effective_to = 1'769'904'000LL * ingest::us_per_s;
    wanted.steps = {{0, 30, 60, {200'000'000}}, {60, 30, 6, {200'000'000}}};
    EXPECT_EQ(rates[0], wanted);
}

TEST(deck, increments_are_the_first_and_the_next) {
    auto const rates = rates_of("prefix,price,increments\n1,6,60/6\n2,6,60/60\n3,6,1\n");
    ASSERT_EQ(rates.size(), 3U);
    EXPECT_THAT(rates[0].steps, ElementsAre(rate_step{0, 60, 60, {6'000'000'000}},
                                            rate_step{60, 60, 6, {6'000'000'000}}));
    EXPECT_THAT(rates[1].steps, ElementsAre(rate_step{0, 60, 60, {6'000'000'000}}));
    EXPECT_THAT(rates[2].steps, ElementsAre(rate_step{0, 60, 1, {6'000'000'000}}));
}

TEST(deck, rows_with_from_s_are_the_steps_of_one_rate) {
    auto const rates = rates_of("prefix,name,price,from_s,increment_s,increments,connect_fee\n"
                                "44,UK,2,60,6,,\n"
                                "33,France,5,,,1/1,\n"
                                "44,,3,0,30,,0\n");
    ASSERT_EQ(rates.size(), 2U);
    EXPECT_EQ(rates[1].name, "UK");
    EXPECT_THAT(rates[1].steps, ElementsAre(rate_step{0, 60, 30, {3'000'000'000}},
                                            rate_step{60, 60, 6, {2'000'000'000}}));
}

TEST(deck, reads_what_spreadsheets_write) {
    auto const rates = rates_of("\xEF\xBB\xBF\"Prefix\", Name ,Price,Increments\r\n"
                                "+44,\"London, \"\"City\"\"\",0.2, 60/6 \r\n"
                                "\r\n"
                                "33,\"France\",0.3,1/1");
    ASSERT_EQ(rates.size(), 2U);
    EXPECT_EQ(rates[0].prefix, "33");
    EXPECT_EQ(rates[1].name, "London, \"City\"");
    EXPECT_EQ(rates[1].prefix, "44");
}

TEST(deck, an_empty_prefix_is_every_number) {
    EXPECT_EQ(rates_of("prefix,price,increments\n,1,1/1\n")[0].prefix, "");
}

TEST(deck, names_every_bad_row_by_line_and_column) {
    EXPECT_THAT(problems_of("prefix,price,increments,grace_s,allowance,effective_from\n"
                            "44x,0.2,60/6,,,\n"
                            "44,zero,60/6,,,\n"
                            "44,0.2,60-6,,,\n"
                            "44,0.2,,,,\n"
                            "44,0.2,1/1,-3,,\n"
                            "44,0.2,1/1,,perhaps,\n"
                            "44,0.2,1/1,,,31.1.2026\n"
                            "44,,1/1,,,\n"
                            "44,0.2,1/1\n"),
                ElementsAre("deck.csv:2:1: prefix: \"44x\" is not a prefix: at most 32 digits",
                            HasSubstr("deck.csv:3:4: price: \"zero\" is no amount"),
                            HasSubstr("deck.csv:4:8: increments: \"60-6\" is not like 60/6"),
                            HasSubstr("deck.csv:5:8: increments: is missing"),
                            HasSubstr("deck.csv:6:12: grace_s: \"-3\" is not a whole number"),
                            "deck.csv:7:13: allowance: \"perhaps\" is neither true nor false",
                            HasSubstr("deck.csv:8:14: effective_from: \"31.1.2026\" is neither a "
                                      "date"),
                            "deck.csv:9:4: price: is missing",
                            "deck.csv:10:1: the row has 3 columns, the header 6"));
}

TEST(deck, says_what_is_wrong_with_steps) {
    EXPECT_THAT(problems_of("prefix,name,price,from_s,increment_s,increments\n"
                            "44,UK,1,0,60,60/6\n"
                            "44,,1,60,,\n"
                            "44,,1,,6,\n"
                            "44,Great Britain,1,90,6,\n"
                            "44,,1,90,6,\n"),
                ElementsAre(HasSubstr("2:14: increments: is not allowed in a row with from_s"),
                            HasSubstr("3:10: increment_s: is missing"),
                            HasSubstr("4:7: from_s: is missing in a row with increment_s"),
                            HasSubstr("5:4: name: differs from the rate's first row, at line 2"),
                            HasSubstr("6:7: from_s: the rate already has a step that begins at")));
}

TEST(deck, says_what_is_wrong_with_a_rate) {
    EXPECT_THAT(problems_of("prefix,price,increments,minimum,maximum\n44,1,1/1,5,4\n"),
                ElementsAre("deck.csv:2:1: its maximum 4 is below its minimum 5"));
    EXPECT_THAT(problems_of("prefix,price,increments,connect_fee\n44,1,1/1,-5\n"),
                ElementsAre("deck.csv:2:10: connect_fee: must not be negative"));
    EXPECT_THAT(problems_of("prefix,price,from_s,increment_s\n44,1,6,6\n"),
                ElementsAre("deck.csv:2:1: its first step must have from_s = 0"));
    EXPECT_THAT(problems_of("prefix,price,increments,unit_s\n44,1,1/1,0\n"),
                ElementsAre(HasSubstr("2:10: unit_s: \"0\" is not a whole number")));
    EXPECT_THAT(problems_of("prefix,price,increments,band,direction\n44,1,1/1,pek,out\n"),
                ElementsAre("deck.csv:2:10: band: there is no [[band]] \"pek\"; did you mean "
                            "\"peak\"?",
                            HasSubstr("2:14: direction: \"out\" is not one of outbound, inbound")));
    EXPECT_THAT(problems_of("prefix,price,increments\n44,1,1/1\n44,2,1/1\n"),
                ElementsAre(HasSubstr("deck.csv:3:1: the same rate as line 2: prefix \"44\"")));
}

TEST(deck, says_what_is_wrong_with_its_header) {
    EXPECT_THAT(problems_of(""), ElementsAre(HasSubstr("1:1: the deck is empty")));
    EXPECT_THAT(problems_of("prefix,prise,increments\n"),
                ElementsAre("deck.csv:1:8: unknown column \"prise\"; did you mean price?"));
    EXPECT_THAT(problems_of("prefix,price,colour\n"),
                ElementsAre(HasSubstr("unknown column \"colour\"; a deck has prefix, name")));
    EXPECT_THAT(problems_of("prefix,price,prefix\n"),
                ElementsAre("deck.csv:1:14: the column prefix occurs twice"));
    EXPECT_THAT(problems_of("prefix,increments\n"),
                ElementsAre("deck.csv:1:1: there is no column price"));
    EXPECT_THAT(problems_of("prefix;price;increments\n"),
                ElementsAre(HasSubstr("must be separated by commas")));
    EXPECT_THAT(problems_of("prefix,\"price\n"),
                ElementsAre(HasSubstr("not the header of a deck")));
}

TEST(deck, says_what_is_no_text) {
    EXPECT_THAT(problems_of("prefix,price,increments,name\n44,1,1/1,\"a\n45,1,1/1,b\n"),
                testing::Contains(HasSubstr("deck.csv:2:1: a quote of this row is not closed")));
    EXPECT_THAT(problems_of("prefix,price,increments,name\n44,1,1/1,\xFF\n"),
                ElementsAre(HasSubstr("2:1: the row must be text")));
    EXPECT_THAT(problems_of("prefix,price,increments,name\n44,1,1/1,\"a\nb\"\n45,x,1/1,\n"),
                ElementsAre(HasSubstr("2:11: name: must not contain line ends"),
                            HasSubstr("4:4: price: \"x\" is no amount")))
        << "lines are counted also within quotes";
}

TEST(deck, keeps_the_first_of_many_problems_and_counts_all) {
    std::string deck = "prefix,price,increments\n";
    for (int i = 0; i < 5000; ++i) {
        deck += "x,1,1/1\n";
    }
    auto const problems = read_deck_text(deck).problems;
    ASSERT_EQ(problems.size(), 101U);
    EXPECT_EQ(problems.back().text, "and 4900 more problems");
}

TEST(deck, of_two_hundred_thousand_rows_is_read) {
    std::string deck = "prefix,name,price,increments,effective_from\n";
    for (int i = 0; i < 200'000; ++i) {
        deck += std::to_string(44'000'000 + i) + ",Somewhere,0.25,60/6,2026-01-01\n";
    }
    auto const rates = rates_of(deck);
    ASSERT_EQ(rates.size(), 200'000U);
    EXPECT_EQ(rates.back().prefix, "44199999");
}

} // namespace
} // namespace tally::rating
