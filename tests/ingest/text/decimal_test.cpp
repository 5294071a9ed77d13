#include "ingest/text/decimal.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tally::ingest {
namespace {

TEST(decimal, reads_numbers_exactly_and_cuts_below_the_unit) {
    struct sample {
        std::string_view text;
        int scale;
        std::optional<std::int64_t> value;
    };
    for (auto const& [text, scale, value] : std::initializer_list<sample>{
             {"0", 3, 0},
             {"12", 3, 12'000},
             {"12.5", 3, 12'500},
             {"12.3456", 3, 12'345},
             {"0.0009", 3, 0},
             {"-1.5", 3, -1'500},
             {"1e3", 0, 1'000},
             {"1.5e3", 0, 1'500},
             {"1.5E+03", 3, 1'500'000},
             {"15000e-3", 3, 15'000},
             {"1e-9", 3, 0},
             {"0e999999999999", 3, 0},
             {"007", 0, 7},
             {"1700000000.123456789", 6, 1'700'000'000'123'456},
             {"9223372036854775807", 0, INT64_MAX},
             {"0.10000000000000000000000000000000001", 3, 100},
             {"9223372036854775808", 0, std::nullopt},
             {"9223372036854775807", 1, std::nullopt},
             {"1e19", 0, std::nullopt},
             {"1e999999999999", 0, std::nullopt},
             {"", 0, std::nullopt},
             {"-", 0, std::nullopt},
             {"+1", 0, std::nullopt},
             {".5", 0, std::nullopt},
             {"5.", 0, std::nullopt},
             {"1e", 0, std::nullopt},
             {"1e+", 0, std::nullopt},
             {"1.2.3", 0, std::nullopt},
             {"12 ", 0, std::nullopt},
             {"0x10", 0, std::nullopt},
             {"NaN", 0, std::nullopt},
             {"inf", 0, std::nullopt},
         }) {
        EXPECT_EQ(parse_decimal(text, scale), value) << text << " at scale " << scale;
    }
}

RC_GTEST_PROP(decimal, whole_and_fraction_come_back, ()) {
    auto const whole = *rc::gen::inRange<std::int64_t>(0, 1'000'000'000'000);
    auto const fraction = *rc::gen::inRange<int>(0, 1'000'000);
    auto digits = std::to_string(fraction);
    digits.insert(0, 6 - digits.size(), '0');
    auto const text = std::to_string(whole) + "." + digits;
    RC_ASSERT(parse_decimal(text, 6) == std::optional(whole * 1'000'000 + fraction));
    RC_ASSERT(parse_decimal("-" + text, 3) == std::optional(-(whole * 1'000 + fraction / 1'000)));
}

} // namespace
} // namespace tally::ingest
