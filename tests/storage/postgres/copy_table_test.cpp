#include "storage/postgres/copy_table.hpp"

#include "tests/support/copy_row.hpp"

#include <gtest/gtest.h>

#include <string>

namespace tally::storage {
namespace {

using namespace std::string_view_literals;

struct sample {
    std::string text;
    std::int64_t number = 0;
    bool flag = false;
};

constexpr copy_table samples{
    "public.samples",
    copy_column{"text", [](auto& row) { return std::string_view{row.text}; }},
    copy_column{"number", [](auto& row) { return row.number; }},
    copy_column{"flag", [](auto& row) { return row.flag; }},
    copy_column{"nothing", [](auto&) { return std::optional<std::int16_t>{}; }},
};

TEST(copy_table, has_the_statement_of_its_columns) {
    EXPECT_EQ(copy_sql<samples>,
              "COPY public.samples (text, number, flag, nothing) FROM STDIN (FORMAT binary)");
    EXPECT_EQ(samples.column_count, 4);
}

TEST(copy_table, writes_a_field_for_each_column) {
    byte_buffer buffer;
    samples.put(buffer, sample{"ab", 258, true});
    EXPECT_EQ(buffer.view(), "\0\4\0\0\0\2ab\0\0\0\10\0\0\0\0\0\0\1\2\0\0\0\1\1\xff\xff\xff\xff"sv);
}

// Rows of all lengths make every field the one at which the buffer has to grow.
TEST(copy_table, keeps_rows_whole_while_the_buffer_grows) {
    for (std::size_t first = 0; first < 200; ++first) {
        byte_buffer buffer;
        std::string all;
        for (std::size_t size : {first, std::size_t{0}, std::size_t{5000}, first}) {
            sample const row{std::string(size, 'x'), -1, false};
            samples.put(buffer, row);
            byte_buffer single;
            samples.put(single, row);
            ASSERT_TRUE(tests::copy_fields(single.view())) << first << ' ' << size;
            all += single.view();
        }
        ASSERT_EQ(buffer.view(), all) << first;
    }
}

TEST(byte_buffer, ends_the_program_when_its_room_is_exceeded) {
    byte_buffer buffer;
    char const* const begin = buffer.room(8);
    EXPECT_DEATH(buffer.written_to(begin + 9), "a field is longer than its room");
}

/// Whether the field of `value` has exactly its bound.
template <typename Value>
bool fills_its_bound(Value const& value) {
    std::string bytes(wire::field_bytes_max(value), '?');
    return wire::put_field(bytes.data(), value) == bytes.data() + bytes.size();
}

TEST(wire_fields, stay_within_their_bounds) {
    constexpr auto lowest_nanos = static_cast<rating::int128>(1)
                                  << 127; // the most digits of all numerics
    EXPECT_TRUE(fills_its_bound(true));
    EXPECT_TRUE(fills_its_bound(std::int16_t{-1}));
    EXPECT_TRUE(fills_its_bound(std::int32_t{-1}));
    EXPECT_TRUE(fills_its_bound(std::int64_t{-1}));
    EXPECT_TRUE(fills_its_bound(ingest::uuid{}));
    EXPECT_TRUE(fills_its_bound(wire::timestamp{1}));
    EXPECT_TRUE(fills_its_bound(wire::date{1}));
    EXPECT_TRUE(fills_its_bound("text"sv));
    EXPECT_TRUE(fills_its_bound(wire::json{"{}"}));
    EXPECT_TRUE(fills_its_bound(wire::inet{"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"}));
    EXPECT_TRUE(fills_its_bound(std::optional{std::int64_t{1}}));
    EXPECT_TRUE(fills_its_bound(std::optional{ingest::uuid{}}));
    EXPECT_TRUE(fills_its_bound(wire::unless_empty({})));
    std::string bytes(wire::field_bytes_max(wire::numeric{lowest_nanos}), '?');
    EXPECT_LE(wire::put_field(bytes.data(), wire::numeric{lowest_nanos}) - bytes.data(),
              static_cast<std::ptrdiff_t>(bytes.size()));
}

} // namespace
} // namespace tally::storage
