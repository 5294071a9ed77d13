#include "ingest/tcp/lines.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

// Bytes in, whole lines out.

namespace tally::ingest {
namespace {

using found = tcp_lines::found;
using testing::ElementsAre;

constexpr std::size_t line_bytes_max = 10;
constexpr std::size_t all_bytes = 1'000'000;
constexpr std::uint32_t all_lines = 1'000'000;

/// The text of all pieces that are there now; "?" is a line over the limit.
std::vector<std::string> pieces_of(tcp_lines& lines, std::size_t bytes_max = all_bytes,
                                   std::uint32_t lines_max = all_lines) {
    std::vector<std::string> texts;
    for (auto piece = lines.next_lines(bytes_max, lines_max); piece.kind != found::nothing;
         piece = lines.next_lines(bytes_max, lines_max)) {
        texts.push_back(piece.kind == found::too_long ? "?" : std::string{piece.text});
    }
    return texts;
}

TEST(tcp_lines, gives_whole_lines_wherever_the_bytes_are_cut) {
    std::string_view const text = "one\ntwo\n\nthree\n";
    for (std::size_t cut = 0; cut <= text.size(); ++cut) {
        tcp_lines lines{line_bytes_max};
        std::string all;
        for (auto const part : {text.substr(0, cut), text.substr(cut)}) {
            lines.append(part);
            for (auto const& piece : pieces_of(lines)) {
                EXPECT_TRUE(piece.ends_with('\n')) << cut;
                all += piece;
            }
        }
        std::erase(all, '\n');
        EXPECT_EQ(all, "onetwothree") << cut;
        EXPECT_EQ(lines.buffered_bytes(), 0U) << cut;
    }
}

TEST(tcp_lines, gives_nothing_before_a_line_ends) {
    tcp_lines lines{line_bytes_max};
    lines.append("one");
    EXPECT_EQ(lines.next_line().kind, found::nothing);
    EXPECT_EQ(lines.buffered_bytes(), 3U);
    lines.append("\n");
    auto const piece = lines.next_line();
    EXPECT_EQ(piece.text, "one\n");
    EXPECT_EQ(piece.lines, 1U);
}

TEST(tcp_lines, gives_the_first_line_alone) {
    tcp_lines lines{line_bytes_max};
    lines.append("hello\none\ntwo\n");
    EXPECT_EQ(lines.next_line().text, "hello\n");
    EXPECT_THAT(pieces_of(lines), ElementsAre("one\ntwo\n"));
}

TEST(tcp_lines, counts_no_blank_lines) {
    tcp_lines lines{line_bytes_max};
    lines.append("\n \r\none\r\n\n\ntwo\n\n");
    auto const piece = lines.next_lines(all_bytes, all_lines);
    EXPECT_EQ(piece.text.substr(0, 3), "one") << "blank lines before the first are left out";
    EXPECT_EQ(piece.lines, 2U);
    EXPECT_EQ(lines.next_lines(all_bytes, all_lines).kind, found::nothing);
}

TEST(tcp_lines, bounds_a_piece_by_lines_and_by_bytes) {
    tcp_lines lines{line_bytes_max};
    lines.append("1\n2\n3\n4\n5\n");
    EXPECT_THAT(pieces_of(lines, all_bytes, 2), ElementsAre("1\n2\n", "3\n4\n", "5\n"));
    lines.append("1\n2\n3\n4\n5\n");
    EXPECT_THAT(pieces_of(lines, 3, all_lines), ElementsAre("1\n2\n", "3\n4\n", "5\n"));
}

TEST(tcp_lines, reports_a_line_over_the_limit_between_the_others) {
    tcp_lines lines{line_bytes_max};
    lines.append("one\n12345678901\ntwo\n1234567890\n");
    EXPECT_THAT(pieces_of(lines), ElementsAre("one\n", "?", "two\n1234567890\n"));
}

TEST(tcp_lines, keeps_nothing_of_a_line_over_the_limit) {
    tcp_lines lines{line_bytes_max};
    lines.append("12345678901");
    EXPECT_EQ(lines.next_line().kind, found::too_long) << "reported before its end";
    for (int i = 0; i < 1000; ++i) {
        lines.append("12345678901");
        EXPECT_EQ(lines.next_line().kind, found::nothing) << "and once only";
        EXPECT_EQ(lines.buffered_bytes(), 0U);
    }
    lines.append("1\ntwo\n");
    EXPECT_THAT(pieces_of(lines), ElementsAre("two\n"));
}

TEST(tcp_lines, takes_a_new_limit_for_the_next_line) {
    tcp_lines lines{line_bytes_max};
    lines.append("one\n12345678901\n");
    EXPECT_EQ(lines.next_line().text, "one\n");
    lines.limit(11);
    EXPECT_EQ(lines.next_line().text, "12345678901\n");
}

TEST(tcp_lines, gives_what_follows_the_last_line_end_only_at_the_end) {
    tcp_lines lines{line_bytes_max};
    lines.append("one\ntwo");
    EXPECT_THAT(pieces_of(lines), ElementsAre("one\n"));
    lines.end();
    EXPECT_THAT(pieces_of(lines), ElementsAre("two"));
    EXPECT_EQ(lines.buffered_bytes(), 0U);
}

} // namespace
} // namespace tally::ingest
