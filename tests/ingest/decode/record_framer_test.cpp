#include "ingest/decode/record_framer.hpp"

#include "ingest/text/csv_row.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <array>

namespace tally::ingest {
namespace {

/// The rows of `bytes`, each with its line end.
std::vector<std::string> rows_of(std::string_view bytes) {
    std::vector<std::string> rows;
    while (!bytes.empty()) {
        std::size_t const length = csv_row_length(bytes, true);
        if (length == 0 || length > bytes.size()) {
            ADD_FAILURE() << "no progress";
            break;
        }
        rows.emplace_back(bytes.substr(0, length));
        bytes.remove_prefix(length);
    }
    return rows;
}

using rows = std::vector<std::string>;

TEST(csv_row, ends_at_any_line_end_outside_quotes) {
    EXPECT_EQ(rows_of("a,b\nc\n"), (rows{"a,b\n", "c\n"}));
    EXPECT_EQ(rows_of("a\r\nb\r\n"), (rows{"a\r\n", "b\r\n"}));
    EXPECT_EQ(rows_of("a\rb\r"), (rows{"a\r", "b\r"}));
    EXPECT_EQ(rows_of("a\nb"), (rows{"a\n", "b"}));
    EXPECT_EQ(rows_of("\"a\nb\",\"c\r\nd\"\ne\n"), (rows{"\"a\nb\",\"c\r\nd\"\n", "e\n"}));
    EXPECT_EQ(rows_of("\"a\"\"\n\",b\nc"), (rows{"\"a\"\"\n\",b\n", "c"}));
    EXPECT_EQ(rows_of("a\"b,c\nd\n"), (rows{"a\"b,c\n", "d\n"})) << "a bare quote opens nothing";
    EXPECT_EQ(rows_of("a, \"b\nc\"\nd\n"), (rows{"a, \"b\nc\"\n", "d\n"}))
        << "blank before a quote";
}

TEST(csv_row, a_byte_order_mark_hides_no_quote) {
    EXPECT_EQ(rows_of("\xEF\xBB\xBF\"a\nb\"\nc\n"), (rows{"\xEF\xBB\xBF\"a\nb\"\n", "c\n"}));
}

TEST(csv_row, a_torn_row_does_not_take_its_neighbours) {
    EXPECT_EQ(rows_of("\"a\",\"b\n\"c\",\"d\"\n\"e\"\n"),
              (rows{"\"a\",\"b\n", "\"c\",\"d\"\n", "\"e\"\n"}));
    EXPECT_EQ(rows_of("\"a\nb\nc\n"), (rows{"\"a\n", "b\n", "c\n"}));
    EXPECT_EQ(rows_of("\"open"), (rows{"\"open"}));
    std::string const long_text(2 * csv_row_bytes_max, 'x');
    EXPECT_EQ(rows_of("\"a\n" + long_text + "\"\nb\n"), (rows{"\"a\n", long_text + "\"\n", "b\n"}));
}

TEST(csv_row, splits_fields_and_tells_broken_quotes) {
    std::array<csv_field, 4> fields;
    auto const split = [&](std::string_view row) { return split_csv_row(row, fields); };
    EXPECT_EQ(split(R"("a","b ""c""",,5)").columns, 4u);
    EXPECT_EQ(fields[0], (csv_field{"a", false}));
    EXPECT_EQ(fields[1], (csv_field{R"(b ""c"")", true}));
    EXPECT_EQ(fields[2], (csv_field{"", false}));
    EXPECT_EQ(fields[3], (csv_field{"5", false}));
    EXPECT_EQ(split("").columns, 1u);
    EXPECT_EQ(split(",,,,,").columns, 6u);
    EXPECT_TRUE(split(R"(a"b,c)").is_closed);
    EXPECT_FALSE(split(R"("a)").is_closed);
    EXPECT_FALSE(split(R"("a"b,c)").is_closed);
    EXPECT_EQ(split(R"("a"b,c)").columns, 2u);
}

TEST(record_framer, lines_end_at_the_last_line_feed) {
    EXPECT_EQ(whole_records(framing::line, "ab\ncd\nef", false), 6u);
    EXPECT_EQ(whole_records(framing::line, "ab", false), 0u);
    EXPECT_EQ(whole_records(framing::line, "ab", true), 2u);
    EXPECT_EQ(whole_records(framing::line, "", false), 0u);
    EXPECT_EQ(whole_records(framing::whole, "ab\n", false), 0u);
    EXPECT_EQ(whole_records(framing::whole, "ab\n", true), 3u);
}

TEST(record_framer, waits_for_what_may_follow) {
    EXPECT_EQ(whole_records(framing::csv_row, "a\r", false), 0u) << "a line feed may follow";
    EXPECT_EQ(whole_records(framing::csv_row, "a\rb", false), 2u);
    EXPECT_EQ(whole_records(framing::csv_row, "a\n\"b\n", false), 2u) << "the quote may close";
    EXPECT_EQ(whole_records(framing::csv_row, "a\n\"b\"", false), 2u);
    EXPECT_EQ(whole_records(framing::csv_row, "a\n\"b\"x", false), 2u);
    EXPECT_EQ(whole_records(framing::csv_row, "\"b\n\"x\n", false), 3u) << "torn, then open";
}

/// However a stream is split, its rows are the same: random bytes of the kinds that matter.
RC_GTEST_PROP(record_framer, pieces_hold_the_rows_of_the_whole, ()) {
    auto const bytes =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("aa\",,\n\r\"\" ")));
    auto const step = *rc::gen::inRange<std::size_t>(1, 8);
    rows pieces;
    std::string waiting;
    for (std::size_t begin = 0; begin < bytes.size(); begin += step) {
        waiting += bytes.substr(begin, step);
        std::size_t const whole = whole_records(framing::csv_row, waiting, false);
        auto const more = rows_of(std::string_view(waiting).substr(0, whole));
        pieces.insert(pieces.end(), more.begin(), more.end());
        waiting.erase(0, whole);
    }
    auto const rest = rows_of(waiting);
    pieces.insert(pieces.end(), rest.begin(), rest.end());
    RC_ASSERT(pieces == rows_of(bytes));
}

} // namespace
} // namespace tally::ingest
