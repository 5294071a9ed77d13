#include "rating/money/money.hpp"

#include "tests/rating/rater/builders.hpp"
#include "tests/rating/rater/reference_rater.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tally::rating::tests {
namespace {

constexpr rounding_mode modes[] = {rounding_mode::up, rounding_mode::down, rounding_mode::half_up,
                                   rounding_mode::half_even};

TEST(money, reads_decimal_strings) {
    struct {
        std::string_view text;
        std::int64_t nanos;
    } const good[] = {
        {"0", 0},
        {"-0", 0},
        {"1", 1'000'000'000},
        {"-1", -1'000'000'000},
        {"12.", 12'000'000'000},
        {".5", 500'000'000},
        {"0.00025", 250'000},
        {"007.10", 7'100'000'000},
        {"0.000000001", 1},
        {"0.0000000010000000000000", 1},
        {"9223372036.854775807", INT64_MAX},
        {"-9223372036.854775808", INT64_MIN},
    };
    for (auto const& [text, nanos] : good) {
        ASSERT_TRUE(parse_amount(text)) << text;
        EXPECT_EQ(parse_amount(text)->nanos, nanos) << text;
    }
}

TEST(money, refuses_what_is_no_decimal_string_or_does_not_fit) {
    using namespace std::string_view_literals;
    std::string const endless(10'000, '9');
    for (std::string_view const text : {""sv,
                                        "-"sv,
                                        "."sv,
                                        "-."sv,
                                        "+1"sv,
                                        "1e3"sv,
                                        " 1"sv,
                                        "1 "sv,
                                        "1,5"sv,
                                        "1.2.3"sv,
                                        "--1"sv,
                                        "0x10"sv,
                                        "nan"sv,
                                        "0.0000000001"sv,
                                        "9223372036.854775808"sv,
                                        "-9223372036.854775809"sv,
                                        "18446744073.709551616"sv,
                                        "36893488147.419103232"sv,
                                        "1\0"sv,
                                        "\xd9\xa1"sv,
                                        std::string_view(endless)}) {
        EXPECT_FALSE(parse_amount(text)) << text;
    }
}

TEST(money, writes_the_shortest_exact_form) {
    for (std::string_view const text : {"0", "0.3", "12", "-0.00025", "100", "0.000000001",
                                        "9223372036.854775807", "-9223372036.854775808"}) {
        EXPECT_EQ(to_string(money(text)), text);
    }
    int128 const far_beyond = int128{INT64_MAX} * 1'000'000'000;
    EXPECT_EQ(to_string(amount_sum{far_beyond}), "9223372036854775807");
    EXPECT_EQ(to_string(amount_sum{-far_beyond - 1}), "-9223372036854775807.000000001");
}

RC_GTEST_PROP(money, comes_back_from_its_own_text, (std::int64_t nanos)) {
    RC_ASSERT(parse_amount(to_string(amount{nanos})) == amount{nanos});
}

TEST(money, rounds_to_the_neighbour_that_the_mode_asks_for) {
    struct {
        std::int64_t numerator;
        std::int64_t denominator;
        std::uint8_t decimals;
        std::int64_t expected[4]; ///< up, down, half_up, half_even
    } const cases[] = {
        {100'000'000, 1, 4, {100'000'000, 100'000'000, 100'000'000, 100'000'000}},
        {150'000, 1, 4, {200'000, 100'000, 200'000, 200'000}},
        {250'000, 1, 4, {300'000, 200'000, 300'000, 200'000}},
        {-250'000, 1, 4, {-300'000, -200'000, -300'000, -200'000}},
        {250'001, 1, 4, {300'000, 200'000, 300'000, 300'000}},
        {249'999, 1, 4, {300'000, 200'000, 200'000, 200'000}},
        {750'001, 3, 4, {300'000, 200'000, 300'000, 300'000}}, // a third above the half
        {749'999, 3, 4, {300'000, 200'000, 200'000, 200'000}}, // a third below it
        {1, 2, 9, {1, 0, 1, 0}},
        {3, 2, 9, {2, 1, 2, 2}},
        {-1, 2, 9, {-1, 0, -1, 0}},
        {1, 3, 9, {1, 0, 0, 0}},
        {2, 3, 9, {1, 0, 1, 1}},
        {1, 1'000'000'007, 0, {1'000'000'000, 0, 0, 0}},
        {0, 7, 2, {0, 0, 0, 0}},
    };
    for (auto const& c : cases) {
        for (std::size_t mode = 0; mode < 4; ++mode) {
            auto const got = round_fraction(c.numerator, c.denominator, {modes[mode], c.decimals});
            ASSERT_TRUE(got);
            EXPECT_EQ(got->nanos, c.expected[mode])
                << c.numerator << "/" << c.denominator << " mode " << mode;
        }
    }
}

TEST(money, overflow_is_no_amount) {
    EXPECT_EQ(round_fraction(INT64_MAX, 1, {rounding_mode::up, 9}), amount{INT64_MAX});
    EXPECT_EQ(round_fraction(INT64_MIN, 1, {rounding_mode::up, 9}), amount{INT64_MIN});
    EXPECT_EQ(round_fraction(int128{INT64_MAX} + 1, 1, {rounding_mode::down, 9}), std::nullopt);
    EXPECT_EQ(round_fraction(INT64_MAX, 1, {rounding_mode::up, 0}), std::nullopt);
    EXPECT_EQ(round_fraction(INT64_MAX, 1, {rounding_mode::down, 0}), money("9223372036"));
    EXPECT_EQ(round_fraction(int128{INT64_MAX} * 2 + 1, 2, {rounding_mode::half_up, 9}),
              std::nullopt);
    EXPECT_EQ(round_fraction(int128{INT64_MAX} * 2 + 1, 2, {rounding_mode::down, 9}),
              amount{INT64_MAX});
    int128 const largest = ~(int128{1} << 127);
    for (rounding_mode const mode : modes) {
        EXPECT_EQ(round_fraction(largest, 1, {mode, 0}), std::nullopt);
        EXPECT_EQ(round_fraction(-largest - 1, 1, {mode, 9}), std::nullopt);
        EXPECT_EQ(round_fraction(largest, largest, {mode, 9}), amount{1});
        EXPECT_EQ(round_fraction(-largest - 1, largest, {rounding_mode::down, 9}), amount{-1});
    }
}

integer wide(std::int64_t high, std::uint64_t low) {
    return integer(high) * (integer(1) << 64) + integer(low);
}

// The two halves of a 128-bit number; small numbers are as likely as large ones.
RC_GTEST_PROP(money, rounding_agrees_with_exact_fractions_of_any_size,
              (std::int64_t high, std::uint64_t low, std::uint64_t divisor)) {
    auto const shift = *rc::gen::inRange<unsigned>(0, 64);
    high = *rc::gen::element(std::int64_t{0}, std::int64_t{-1}, high >> shift);
    divisor = (divisor >> shift) + 1;
    RC_PRE(divisor != 0);
    for (unsigned decimals = 0; decimals <= 9; ++decimals) {
        for (rounding_mode const mode : modes) {
            rounding const rounding{mode, static_cast<std::uint8_t>(decimals)};
            auto const numerator = static_cast<int128>(high) * (int128{1} << 64) + low;
            auto const expected = reference_amount(
                reference_round(fraction(wide(high, low), integer(divisor)), rounding));
            RC_ASSERT(round_fraction(numerator, divisor, rounding) == expected);
        }
    }
}

} // namespace
} // namespace tally::rating::tests
