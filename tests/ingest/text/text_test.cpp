#include "ingest/text/percent_base64.hpp"
#include "ingest/text/trim.hpp"

#include "tests/ingest/formats/decoder_helpers.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <optional>

namespace tally::ingest {
namespace {

using namespace std::string_view_literals;

TEST(trimmed_text, loses_blanks_line_ends_and_nuls) {
    EXPECT_EQ(trimmed(" \t\r\n\0x y\0 \n"sv), "x y");
    EXPECT_EQ(trimmed("\0\0"sv), "");
    EXPECT_EQ(strip_bom("\xEF\xBB\xBFx"), "x");
}

TEST(wire_encoding, percent_decodes_what_is_encoded_and_nothing_else) {
    text_arena arena;
    auto const decoded = [&](std::string_view text) {
        return percent_decode(text, plus_sign::is_plus, 0, arena);
    };
    EXPECT_EQ(decoded("2013-05-16%2014%3A33%3a28"), "2013-05-16 14:33:28");
    EXPECT_EQ(decoded("100%"), "100%");
    EXPECT_EQ(decoded("5%zz%4"), "5%zz%4");
    EXPECT_EQ(decoded("%%41+"), "%A+");
    EXPECT_EQ(percent_decode("a+b%2B", plus_sign::is_blank, 0, arena), "a b+");
    EXPECT_FALSE(holds_percent_escape("50% of"));
    EXPECT_TRUE(holds_percent_escape("% %20"));
}

TEST(wire_encoding, base64_of_every_length_and_both_alphabets) {
    text_arena arena;
    for (std::size_t length = 1; length < 70; ++length) {
        std::string bytes;
        for (std::size_t index = 0; index < length; ++index) {
            bytes += static_cast<char>(index * 37 + length);
        }
        auto text = tests::to_base64(bytes);
        EXPECT_EQ(base64_decode(text, 0, arena), std::optional<std::string_view>(bytes));
        while (text.ends_with('=')) {
            text.pop_back();
        }
        EXPECT_EQ(base64_decode(text, 64, arena), std::optional<std::string_view>(bytes));
        text.insert(text.size() / 2, "\r\n");
        std::ranges::replace(text, '+', '-');
        std::ranges::replace(text, '/', '_');
        EXPECT_EQ(base64_decode(text, 0, arena), std::optional<std::string_view>(bytes));
    }
    for (auto const bad :
         {"", "=", "a", "ab=c", "a===", "ab c", "a%3D", "{}", "\xff\xff\xff\xff"}) {
        EXPECT_EQ(base64_decode(bad, 0, arena), std::nullopt) << bad;
    }
}

} // namespace
} // namespace tally::ingest
