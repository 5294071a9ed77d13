#include "ingest/file/reader.hpp"

#include "ingest/text/csv_row.hpp"

#include <gtest/gtest.h>
#include <numeric>
#include <rapidcheck/gtest.h>

namespace tally::ingest {
namespace {

/// Returns `text` in chunks of at most `chunk_bytes`, then fails with `end`.
file_reader::byte_input memory_input(std::string text, std::size_t chunk_bytes,
                                     file_failure end = file_failure::none) {
    auto const rest = std::make_shared<std::string>(std::move(text));
    return {[rest, chunk_bytes](std::span<char> output) {
                std::size_t const size = std::min({chunk_bytes, output.size(), rest->size()});
                rest->copy(output.data(), size);
                rest->erase(0, size);
                return size;
            },
            [end] {
                return file_error{end, ""};
            }};
}

std::vector<file_piece> pieces_of(file_reader& reader) {
    std::vector<file_piece> pieces;
    for (file_piece piece; reader.next(piece);)
        pieces.push_back(std::move(piece));
    return pieces;
}

/// The content of the pieces, with the good ones joined.
struct seen {
    std::string text;
    std::vector<std::tuple<std::uint64_t, std::uint64_t, record_error, std::string>> bad;
};

seen read_all(std::string const& text, file_reader_options options, std::size_t chunk_bytes) {
    options.chunk_bytes = chunk_bytes;
    file_reader reader(memory_input(text, chunk_bytes), options);
    seen all;
    for (auto const& piece : pieces_of(reader)) {
        if (piece.error == record_error::none)
            all.text += piece.bytes;
        else
            all.bad.emplace_back(piece.offset, piece.first_line, piece.error, piece.bytes);
    }
    EXPECT_TRUE(reader.error().ok());
    return all;
}

std::string const quoted_rows = "\"a\",1\r\n\"b \"\"x\"\"\",2\n\"line one\nline two\",3\n\n"
                                "\"\n\n\",4\n\"last, without a line feed\",5";

TEST(file_reader, gives_the_same_records_for_every_size_of_chunk_and_piece) {
    for (framing const cut : {framing::line, framing::csv_row}) {
        for (std::size_t chunk = 1; chunk <= quoted_rows.size() + 1; ++chunk) {
            for (std::size_t const piece : {1U, 7U, 20U, 1000U}) {
                auto const all = read_all(quoted_rows, {.cut = cut, .piece_bytes = piece}, chunk);
                ASSERT_EQ(all.text, quoted_rows) << "chunk " << chunk << " piece " << piece;
                ASSERT_TRUE(all.bad.empty());
            }
        }
    }
}

TEST(file_reader, cuts_only_between_records) {
    file_reader_options const options{.cut = framing::csv_row, .piece_bytes = 1, .chunk_bytes = 3};
    file_reader reader(memory_input(quoted_rows, 3), options);
    std::vector<std::string> records;
    std::vector<std::uint64_t> lines;
    std::uint64_t offset = 0;
    for (auto const& piece : pieces_of(reader)) {
        EXPECT_EQ(piece.offset, offset);
        offset += piece.bytes.size();
        records.push_back(piece.bytes);
        lines.push_back(piece.first_line);
    }
    EXPECT_EQ(records, (std::vector<std::string>{"\"a\",1\r\n", "\"b \"\"x\"\"\",2\n",
                                                 "\"line one\nline two\",3\n", "\n", "\"\n\n\",4\n",
                                                 "\"last, without a line feed\",5"}));
    EXPECT_EQ(lines, (std::vector<std::uint64_t>{1, 2, 3, 5, 6, 9}));
}

TEST(file_reader, fills_pieces_and_leaves_room_for_the_decoders_padding) {
    std::string text;
    for (int i = 0; i < 100'000; ++i)
        text += "{\"number\":" + std::to_string(i) + "}\n";
    file_reader reader(memory_input(text, 100'000), {.piece_bytes = 100'000});
    std::string joined;
    auto const pieces = pieces_of(reader);
    for (auto const& piece : pieces) {
        EXPECT_GE(piece.bytes.capacity(), piece.bytes.size() + record_batch::padding);
        EXPECT_LE(piece.bytes.size(), 100'100u);
        joined += piece.bytes;
    }
    EXPECT_EQ(pieces.size(), (text.size() + 99'999) / 100'000);
    EXPECT_EQ(joined, text);
}

TEST(file_reader, rejects_a_record_over_the_limit_and_goes_on_behind_it) {
    std::string const big(50, 'x');
    std::string const text = "one\n" + big + "\ntwo\n";
    for (framing const cut : {framing::line, framing::csv_row}) {
        for (std::size_t chunk = 1; chunk <= text.size(); ++chunk) {
            auto const all = read_all(text, {.cut = cut, .record_bytes_max = 30}, chunk);
            EXPECT_EQ(all.text, "one\ntwo\n") << chunk;
            ASSERT_EQ(all.bad.size(), 1u) << chunk;
            auto const& [offset, line, error, start] = all.bad[0];
            EXPECT_EQ(offset, 4u);
            EXPECT_EQ(line, 2u);
            EXPECT_EQ(error, record_error::record_too_large);
            EXPECT_TRUE((big + "\n").starts_with(start));
            EXPECT_FALSE(start.empty());
        }
    }
}

TEST(file_reader, takes_a_record_of_exactly_the_limit) {
    std::string const text = std::string(19, 'x') + "\n" + std::string(20, 'y') + "\n";
    auto const all = read_all(text, {.record_bytes_max = 20}, 4);
    EXPECT_EQ(all.text, std::string(19, 'x') + "\n");
    EXPECT_EQ(all.bad.size(), 1u);
}

TEST(file_reader, ends_behind_a_record_over_the_limit_that_has_no_line_feed) {
    for (framing const cut : {framing::line, framing::csv_row}) {
        for (std::string const end : {"", "\r", "\r\r", "\n", "\r\n"}) {
            std::string const big = std::string(50, 'x') + end;
            for (std::size_t chunk = 1; chunk <= big.size(); ++chunk) {
                file_reader reader(memory_input(big, chunk),
                                   {.cut = cut, .record_bytes_max = 20, .chunk_bytes = chunk});
                std::uint64_t bytes = 0;
                for (auto const& piece : pieces_of(reader))
                    bytes += std::max<std::uint64_t>(piece.record_bytes, piece.bytes.size());
                EXPECT_EQ(bytes, big.size());
            }
        }
    }
}

TEST(file_reader, says_how_large_a_record_over_the_limit_was) {
    std::string const big(1'000'000, 'x');
    file_reader reader(memory_input(big + "\nnext\n", 1000),
                       {.record_bytes_max = 10'000, .chunk_bytes = 1000});
    auto const pieces = pieces_of(reader);
    ASSERT_EQ(pieces.size(), 2u);
    EXPECT_EQ(pieces[0].error, record_error::record_too_large);
    EXPECT_EQ(pieces[0].record_bytes, big.size() + 1);
    EXPECT_LT(pieces[0].bytes.size(), 10'000u);
    EXPECT_EQ(pieces[1].bytes, "next\n");
    EXPECT_EQ(pieces[1].offset, big.size() + 1);
    EXPECT_EQ(pieces[1].first_line, 2u);
}

TEST(file_reader, cuts_rows_where_the_decoders_do) {
    std::string text = "\"a\",1\n12\" pipe,2\n\"12\" pipe\",3\n\"never closed\n";
    for (int i = 0; i < 10'000; ++i)
        text += "\"row\"," + std::to_string(i) + "\n";
    for (std::size_t const chunk : {10U, 1000U, 1'000'000U}) {
        file_reader reader(memory_input(text, chunk),
                           {.cut = framing::csv_row, .piece_bytes = 1, .chunk_bytes = chunk});
        std::string_view rest = text;
        for (auto const& piece : pieces_of(reader)) {
            ASSERT_EQ(piece.bytes, rest.substr(0, csv_row_length(rest, true)));
            rest.remove_prefix(piece.bytes.size());
        }
        EXPECT_TRUE(rest.empty());
    }
}

TEST(file_reader, counts_lines_of_every_kind) {
    file_reader reader(memory_input("1\n2\r\n3\r4\r\r6\n", 2),
                       {.cut = framing::csv_row, .piece_bytes = 1, .chunk_bytes = 2});
    std::vector<std::uint64_t> lines;
    for (auto const& piece : pieces_of(reader))
        lines.push_back(piece.first_line);
    EXPECT_EQ(lines, (std::vector<std::uint64_t>{1, 2, 3, 4, 5, 6}));
}

TEST(file_reader, leaves_a_byte_order_mark_out) {
    for (std::size_t chunk = 1; chunk <= 4; ++chunk) {
        file_reader reader(memory_input("\xef\xbb\xbf{}\n", chunk), {.chunk_bytes = chunk});
        auto const pieces = pieces_of(reader);
        ASSERT_EQ(pieces.size(), 1u);
        EXPECT_EQ(pieces[0].bytes, "{}\n");
        EXPECT_EQ(pieces[0].offset, 3u);
    }
}

TEST(file_reader, gives_nothing_for_an_empty_file) {
    for (framing const cut : {framing::line, framing::csv_row, framing::whole}) {
        file_reader reader(memory_input("", 10), {.cut = cut});
        EXPECT_TRUE(pieces_of(reader).empty());
        EXPECT_TRUE(reader.error().ok());
    }
}

TEST(file_reader, gives_whole_records_of_an_input_that_fails_and_leaves_the_torn_one_out) {
    file_reader reader(memory_input("one\ntwo\nthr", 5, file_failure::truncated),
                       {.chunk_bytes = 5});
    std::string text;
    for (auto const& piece : pieces_of(reader))
        text += piece.bytes;
    EXPECT_EQ(text, "one\ntwo\n");
    EXPECT_EQ(reader.error().reason, file_failure::truncated);
}

TEST(file_reader, reads_a_whole_file_up_to_its_limit) {
    file_reader_options options{.cut = framing::whole, .whole_bytes_max = 10, .chunk_bytes = 3};
    file_reader good(memory_input("[1,\n2,\n3]", 3), options);
    auto const pieces = pieces_of(good);
    ASSERT_EQ(pieces.size(), 1u);
    EXPECT_EQ(pieces[0].bytes, "[1,\n2,\n3]");

    file_reader large(memory_input("[1,\n2,\n3,4]", 3), options);
    EXPECT_TRUE(pieces_of(large).empty());
    EXPECT_EQ(large.error().reason, file_failure::too_large);

    file_reader torn(memory_input("[1,", 3, file_failure::damaged), options);
    EXPECT_TRUE(pieces_of(torn).empty());
    EXPECT_EQ(torn.error().reason, file_failure::damaged);
}

RC_GTEST_PROP(file_reader, loses_and_invents_no_byte, ()) {
    // A small alphabet, so that quotes and line feeds meet in every way.
    auto const text =
        *rc::gen::container<std::string>(rc::gen::elementOf(std::string("ab,\"\n\r")));
    auto const chunk = *rc::gen::inRange<std::size_t>(1, 20);
    bool const csv = *rc::gen::arbitrary<bool>();
    file_reader_options const options{.cut = csv ? framing::csv_row : framing::line,
                                      .record_bytes_max = *rc::gen::inRange<std::size_t>(5, 40),
                                      .piece_bytes = *rc::gen::inRange<std::size_t>(1, 30),
                                      .chunk_bytes = chunk};
    file_reader reader(memory_input(text, chunk), options);
    std::uint64_t offset = 0;
    std::uint64_t line = 1;
    for (auto const& piece : pieces_of(reader)) {
        std::uint64_t const size =
            piece.error == record_error::record_too_large ? piece.record_bytes : piece.bytes.size();
        RC_ASSERT(piece.offset == offset);
        RC_ASSERT(piece.first_line == line);
        RC_ASSERT(text.substr(offset, piece.bytes.size()) == piece.bytes);
        std::string const whole = text.substr(offset, size);
        for (std::size_t index = 0; index < whole.size(); ++index)
            line +=
                whole[index] == '\n' || (csv && whole[index] == '\r' && whole[index + 1] != '\n')
                    ? 1
                    : 0;
        offset += size;
        RC_ASSERT(whole.ends_with('\n') || whole.ends_with('\r') || offset == text.size());
    }
    RC_ASSERT(offset == text.size());
}

} // namespace
} // namespace tally::ingest
