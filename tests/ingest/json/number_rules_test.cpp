#include "ingest/json/number_rules.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <rapidcheck/gtest.h>

namespace {

using namespace tally::ingest;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

TEST(number_rules, reads_every_member) {
    auto const read = read_number_rules(
        R"({"international_prefixes":["00","0011"],"national_prefix":"0","country_code":"91",
            "national_lengths":[10,11],"short_codes":["1800180"],"short_digits_max":5,
            "rewrites":[{"prefix":"b00","replacement":""},{"prefix":"*31#","replacement":"+"}]})");
    ASSERT_THAT(read.problems, IsEmpty());
    EXPECT_THAT(read.rules.international_prefixes, ElementsAre("0011", "00")); // longest first
    EXPECT_EQ(read.rules.national_prefix, "0");
    EXPECT_EQ(read.rules.country_code, "91");
    EXPECT_THAT(read.rules.national_lengths, ElementsAre(10U, 11U));
    EXPECT_THAT(read.rules.short_codes, ElementsAre("1800180"));
    EXPECT_EQ(read.rules.short_digits_max, 5U);
    EXPECT_THAT(read.rules.rewrites,
                ElementsAre(number_rewrite{"b00", ""}, number_rewrite{"*31#", "+"}));
}

TEST(number_rules, none_at_all_are_no_rules) {
    auto const read = read_number_rules("{}");
    EXPECT_THAT(read.problems, IsEmpty());
    EXPECT_TRUE(read.rules.empty());
    EXPECT_EQ(read.rules, number_rules{});
}

struct bad_rules {
    char const* json;
    char const* problem;
};

class number_rules_refused : public ::testing::TestWithParam<bad_rules> {};

TEST_P(number_rules_refused, with_the_member_named) {
    auto const read = read_number_rules(GetParam().json);
    EXPECT_THAT(read.problems, ::testing::Contains(HasSubstr(GetParam().problem)));
    EXPECT_EQ(read.rules, number_rules{});
}

INSTANTIATE_TEST_SUITE_P(
    all, number_rules_refused,
    ::testing::Values(
        bad_rules{"{", "number rules: not JSON"}, bad_rules{"", "number rules: not JSON"},
        bad_rules{"{} {}", "unexpected text after the JSON object"},
        bad_rules{"7", "must be one JSON object"}, bad_rules{"[]", "must be one JSON object"},
        bad_rules{R"({"strip":1})", "strip: no such rule; there are international_prefixes"},
        bad_rules{R"({"international_prefixes":"00"})", "international_prefixes: must be a list"},
        bad_rules{R"({"international_prefixes":[""]})", "would match every number"},
        bad_rules{R"({"international_prefixes":["+"]})", "must be at most 32 digits"},
        bad_rules{R"({"country_code":91})", "country_code: must be a string"},
        bad_rules{R"({"country_code":"0091"})", "country_code: '0091' is none"},
        bad_rules{R"({"country_code":"01"})", "not beginning with 0"},
        bad_rules{R"({"national_prefix":"0"})", "national_prefix: needs a country_code"},
        bad_rules{R"({"national_lengths":[10]})", "national_lengths: needs a country_code"},
        bad_rules{R"({"country_code":"91","national_lengths":["10"]})", "a whole number from 0"},
        bad_rules{R"({"country_code":"91","national_lengths":10})", "must be a list"},
        bad_rules{R"({"short_digits_max":-1})", "short_digits_max: must be a whole number"},
        bad_rules{R"({"short_digits_max":33})", "short_digits_max: must be a whole number"},
        bad_rules{R"({"short_codes":["1x"]})", "short_codes: '1x' must be at most 32 digits"},
        bad_rules{R"({"rewrites":{}})", "rewrites: must be a list"},
        bad_rules{R"({"rewrites":["9"]})", "rewrites[0]: must be an object"},
        bad_rules{R"({"rewrites":[{"prefix":"9"},{"with":"1"}]})",
                  "rewrites[1]: 'with': there are prefix and replacement"},
        bad_rules{R"({"rewrites":[{"replacement":"1"}]})", "rewrites[0]: needs a prefix"},
        bad_rules{R"({"rewrites":[{"prefix":"9","replacement":"a b"}]})",
                  "rewrites[0].replacement: 'a b' must be at most 32 digits, letters"}));

TEST(number_rules, every_problem_is_named_at_once) {
    auto const read = read_number_rules(
        R"({"country_code":91,"national_prefix":"x","international_prefixes":[1],"a":1})");
    EXPECT_GE(read.problems.size(), 4U);
    EXPECT_THAT(read.problems, Each(Not(IsEmpty())));
}

TEST(number_rules, more_entries_than_a_call_should_try_are_refused) {
    std::string list;
    for (int i = 0; i < 101; ++i) {
        list += (i > 0 ? "," : "") + std::string{"\"1\""};
    }
    EXPECT_THAT(read_number_rules("{\"short_codes\":[" + list + "]}").problems,
                ElementsAre("short_codes: more than 100 entries"));
}

RC_GTEST_PROP(number_rules, reading_any_text_ends, (std::string const& text)) {
    auto const read = read_number_rules(text);
    RC_ASSERT(read.problems.empty() || read.rules == number_rules{});
}

} // namespace
