#include "config/quantity_text.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

using namespace tally::config;

namespace {

struct quantity_case {
    std::string_view text;
    unit counts;
    std::optional<std::int64_t> number;
};

TEST(quantity_text, reads_numbers_with_and_without_suffix) {
    constexpr quantity_case cases[] = {
        {"5", unit::none, 5},
        {"-5", unit::none, -5},
        {"5 ms", unit::milliseconds, 5},
        {"30s", unit::milliseconds, 30'000},
        {" 30  s ", unit::milliseconds, 30'000},
        {"2 min", unit::milliseconds, 120'000},
        {"1 h", unit::milliseconds, 3'600'000},
        {"1 d", unit::milliseconds, 86'400'000},
        {"64 MiB", unit::bytes, 64LL << 20},
        {"64 MB", unit::bytes, 64'000'000},
        {"1 kB", unit::bytes, 1000},
        {"1 KiB", unit::bytes, 1024},
        {"8 TiB", unit::bytes, 8LL << 40},
        {"7 days", unit::days, 7},
        {"7", unit::days, 7},
    };
    for (auto const& one : cases) {
        EXPECT_EQ(parse_quantity(one.text, one.counts), one.number) << one.text;
    }
}

TEST(quantity_text, refuses_what_is_no_quantity_of_the_unit) {
    constexpr quantity_case cases[] = {
        {"", unit::none, {}},
        {" ", unit::bytes, {}},
        {"MiB", unit::bytes, {}},
        {"5 s", unit::bytes, {}},
        {"5 MiB", unit::milliseconds, {}},
        {"5 ms", unit::none, {}},
        {"5 weeks", unit::days, {}},
        {"1.5 GiB", unit::bytes, {}},
        {"1e3", unit::none, {}},
        {"0x10", unit::none, {}},
        {"5 MiB 3", unit::bytes, {}},
        {"99999999999999999999", unit::bytes, {}},
        {"9000000 TiB", unit::bytes, {}}, // fits as a number, not as bytes: 2^63 is 8388608 TiB
    };
    for (auto const& one : cases) {
        EXPECT_EQ(parse_quantity(one.text, one.counts), std::nullopt) << one.text;
    }
}

TEST(quantity_text, writes_the_shortest_exact_form) {
    EXPECT_EQ(quantity_text(64LL << 20, unit::bytes), "64 MiB");
    EXPECT_EQ(quantity_text((64LL << 20) + 1, unit::bytes), "67108865 B");
    EXPECT_EQ(quantity_text(90'000, unit::milliseconds), "90 s");
    EXPECT_EQ(quantity_text(0, unit::milliseconds), "0 ms");
    EXPECT_EQ(quantity_text(7300, unit::days), "7300 d");
    EXPECT_EQ(quantity_text(2, unit::none), "2");
}

RC_GTEST_PROP(quantity_text, what_is_written_reads_back, (std::int64_t number)) {
    for (auto const counts : {unit::none, unit::bytes, unit::milliseconds, unit::days}) {
        RC_ASSERT(parse_quantity(quantity_text(number, counts), counts) == number);
    }
}

RC_GTEST_PROP(quantity_text, no_text_crashes_it, (std::string const& text)) {
    for (auto const counts : {unit::none, unit::bytes, unit::milliseconds, unit::days}) {
        if (auto const number = parse_quantity(text, counts)) {
            RC_ASSERT(parse_quantity(quantity_text(*number, counts), counts) == number);
        }
    }
}

} // namespace
