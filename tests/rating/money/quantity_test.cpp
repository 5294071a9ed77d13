#include "rating/money/quantity.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tally::rating {
namespace {

std::string read_back(std::string_view text) {
    auto const read = parse_quantity(text);
    return read ? to_string(*read) : "none";
}

TEST(quantity, reads_decimal_text_and_gives_its_shortest_form) {
    struct sample {
        char const* text;
        char const* expected;
    };
    constexpr sample samples[] = {
        {"0", "0"},
        {"-0", "0"},
        {"3", "3"},
        {"+3", "3"},
        {"003.500", "3.5"},
        {"12.", "12"},
        {".5", "0.5"},
        {"-0.000000001", "-0.000000001"},
        {"0.1234567890000", "0.123456789"},
        {"1e3", "1000"},
        {"1.5E2", "150"},
        {"1e-05", "0.00001"},
        {"25e-1", "2.5"},
        {"0e999999999999", "0"},
        {"1000000000000000000", "1000000000000000000"},
        {"1e18", "1000000000000000000"},
        {"999999999999999999.999999999", "999999999999999999.999999999"},
        {"-1000000000000000000", "-1000000000000000000"},
    };
    for (auto const& each : samples) {
        EXPECT_EQ(read_back(each.text), each.expected) << each.text;
    }
}

TEST(quantity, refuses_what_is_no_number_or_does_not_fit) {
    for (auto const* text : {"",
                             "-",
                             "+",
                             ".",
                             "e5",
                             "1e",
                             "1e+",
                             "1e5.5",
                             "--1",
                             "1,5",
                             " 1",
                             "1 ",
                             "0x10",
                             "NaN",
                             "inf",
                             "1.2.3",
                             "0.0000000001",
                             "1e-10",
                             "1000000000000000000.000000001",
                             "1e19",
                             "1e999999999999",
                             "9999999999999999999999999999999999999999"}) {
        EXPECT_EQ(read_back(text), "none") << text;
    }
}

RC_GTEST_PROP(quantity_property, text_and_value_are_one, ()) {
    auto const whole = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000'000'000);
    auto const nanos = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000);
    bool const negative = *rc::gen::arbitrary<bool>();
    int128 const size = int128{whole} * nanos_per_quantity + nanos;
    quantity const q{negative ? -size : size};
    RC_ASSERT(parse_quantity(to_string(q)) == q);
}

} // namespace
} // namespace tally::rating
