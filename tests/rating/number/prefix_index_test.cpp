#include "rating/number/prefix_index.hpp"

#include <gtest/gtest.h>
#include <iterator>
#include <map>
#include <rapidcheck/gtest.h>
#include <stdexcept>
#include <string>

namespace tally::rating::tests {
namespace {

using entry = std::pair<std::string_view, std::uint32_t>;

prefix_index index_of(std::vector<entry> const& entries) {
    return prefix_index(entries);
}

std::vector<std::pair<int, std::uint32_t>> all_of(prefix_index const& index,
                                                  std::string_view digits) {
    prefix_index::matches matches;
    index.all(digits, matches);
    std::vector<std::pair<int, std::uint32_t>> found;
    for (std::uint32_t i = 0; i < matches.count; ++i) {
        found.emplace_back(matches.lengths[i], matches.values[i]);
    }
    return found;
}

TEST(prefix_index, finds_the_longest_prefix) {
    auto const index = index_of({{"44", 1}, {"442", 2}, {"4420", 3}, {"1", 4}, {"9", 0}});
    EXPECT_EQ(index.longest("442071838750"), 3U);
    EXPECT_EQ(index.longest("442171838750"), 2U);
    EXPECT_EQ(index.longest("44"), 1U);
    EXPECT_EQ(index.longest("4"), prefix_index::none);
    EXPECT_EQ(index.longest("12"), 4U);
    EXPECT_EQ(index.longest("99"), 0U);
    EXPECT_EQ(index.longest("5"), prefix_index::none);
    EXPECT_EQ(index.longest(""), prefix_index::none);
}

TEST(prefix_index, gives_all_prefixes_shortest_first) {
    auto const index = index_of({{"", 7}, {"44", 1}, {"4420", 3}});
    using list = std::vector<std::pair<int, std::uint32_t>>;
    EXPECT_EQ(all_of(index, "442071"), (list{{0, 7}, {2, 1}, {4, 3}}));
    EXPECT_EQ(all_of(index, "4421"), (list{{0, 7}, {2, 1}}));
    EXPECT_EQ(all_of(index, ""), (list{{0, 7}}));
}

TEST(prefix_index, an_empty_prefix_matches_every_number) {
    auto const index = index_of({{"", 5}});
    EXPECT_EQ(index.longest("123"), 5U);
    EXPECT_EQ(index.longest(""), 5U);
    EXPECT_EQ(index.longest("anonymous"), 5U);
}

TEST(prefix_index, without_prefixes_finds_nothing) {
    EXPECT_EQ(prefix_index().longest("44"), prefix_index::none);
    EXPECT_EQ(index_of({}).longest("44"), prefix_index::none);
    EXPECT_TRUE(all_of(prefix_index(), "44").empty());
}

TEST(prefix_index, ends_its_walk_at_what_is_no_digit) {
    auto const index = index_of({{"44", 1}, {"442", 2}});
    for (std::string_view const number : {"44:2", "44/2", "44a2", "44\xff", "44 2", "44\n"}) {
        EXPECT_EQ(index.longest(number), 1U) << number;
        EXPECT_EQ(all_of(index, number).size(), 1U) << number;
    }
    EXPECT_EQ(index.longest(std::string_view("4\0"
                                             "4",
                                             3)),
              prefix_index::none);
}

TEST(prefix_index, takes_numbers_longer_than_any_prefix) {
    std::string const deepest(prefix_index::digits_max, '7');
    auto const index = index_of({{deepest, 1}, {"7", 2}});
    EXPECT_EQ(index.longest(deepest + "7777"), 1U);
    EXPECT_EQ(index.longest(deepest.substr(1)), 2U);
    EXPECT_EQ(all_of(index, deepest + "7").size(), 2U);
}

TEST(prefix_index, refuses_prefixes_that_cannot_be) {
    std::string const too_long(prefix_index::digits_max + 1, '1');
    EXPECT_THROW(index_of({{"+44", 1}}), std::invalid_argument);
    EXPECT_THROW(index_of({{"4x", 1}}), std::invalid_argument);
    EXPECT_THROW(index_of({{too_long, 1}}), std::invalid_argument);
    EXPECT_THROW(index_of({{"44", 1}, {"44", 2}}), std::invalid_argument);
    EXPECT_THROW(index_of({{"44", prefix_index::none}}), std::invalid_argument);
}

std::string random_digits(int length_max) {
    // Few different digits, so that prefixes of one another are common.
    return *rc::gen::mapcat(rc::gen::inRange(0, length_max + 1), [](int length) {
        return rc::gen::container<std::string>(static_cast<std::size_t>(length),
                                               rc::gen::element('0', '1', '9'));
    });
}

/// A number that is likely to begin with one of `prefixes`.
std::string random_number(std::map<std::string, std::uint32_t> const& prefixes) {
    std::string number;
    if (!prefixes.empty() && *rc::gen::arbitrary<bool>()) {
        auto const which = *rc::gen::inRange<std::size_t>(0, prefixes.size());
        number = std::next(prefixes.begin(), static_cast<std::ptrdiff_t>(which))->first;
        number.resize(number.size() - *rc::gen::inRange<std::size_t>(0, number.size() / 2 + 1));
    }
    return number + random_digits(12);
}

/// `deepest`: 16 digits are looked up in the sorted list, more in the tree of digits.
void compare_with_every_prefix(int deepest) {
    std::map<std::string, std::uint32_t> prefixes;
    int const count = *rc::gen::inRange(0, 200);
    for (int i = 0; i < count; ++i) {
        prefixes.emplace(random_digits(i % 10 == 0 ? deepest : 6), static_cast<std::uint32_t>(i));
    }
    std::vector<entry> const entries(prefixes.begin(), prefixes.end());
    prefix_index const index(entries);
    for (int i = 0; i < 50; ++i) {
        std::string const number = random_number(prefixes);
        std::vector<std::pair<int, std::uint32_t>> expected;
        for (std::size_t length = 0; length <= number.size(); ++length) {
            auto const found = prefixes.find(number.substr(0, length));
            if (found != prefixes.end()) {
                expected.emplace_back(length, found->second);
            }
        }
        RC_ASSERT(all_of(index, number) == expected);
        RC_ASSERT(index.longest(number) ==
                  (expected.empty() ? prefix_index::none : expected.back().second));
    }
}

RC_GTEST_PROP(prefix_index, agrees_with_looking_at_every_prefix, ()) {
    compare_with_every_prefix(16);
}

RC_GTEST_PROP(prefix_index, agrees_with_looking_at_every_prefix_however_long, ()) {
    compare_with_every_prefix(static_cast<int>(prefix_index::digits_max));
}

TEST(prefix_index, finds_each_of_many_in_less_than_a_hundred_bytes_a_prefix) {
    std::vector<std::string> prefixes;
    for (int i = 0; i < 100'000; ++i) {
        prefixes.push_back(std::to_string(1'000'000 + i * 61));
    }
    std::vector<entry> entries;
    for (auto const& prefix : prefixes) {
        entries.emplace_back(prefix, static_cast<std::uint32_t>(entries.size()));
    }
    prefix_index const index(entries);
    for (std::uint32_t i = 0; i < prefixes.size(); ++i) {
        ASSERT_EQ(index.longest(prefixes[i]), i);
        ASSERT_EQ(index.longest(prefixes[i] + "123"), i);
        ASSERT_EQ(index.longest(prefixes[i].substr(0, 6)), prefix_index::none);
        ASSERT_EQ(index.longest(std::to_string(1'000'030 + i * 61)), prefix_index::none);
    }
    EXPECT_LT(index.bytes(), prefixes.size() * 100);
}

} // namespace
} // namespace tally::rating::tests
