#include "ingest/compression/content_coding.hpp"

#include "tests/ingest/push/compress.hpp"

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using ingest::content_coding;
using ingest::expand_status;

constexpr std::size_t bytes_max = 1024 * 1024;

struct expansion {
    expand_status status;
    std::string out;
    std::size_t room_asked = 0;
};

expansion expanded(content_coding coding, std::string_view body, std::size_t limit = bytes_max,
                   std::size_t room = SIZE_MAX) {
    expansion made{};
    auto const ask = [&](std::size_t bytes) {
        made.room_asked += bytes;
        return made.room_asked <= room;
    };
    made.status = ingest::expand(coding, body, limit, ask, made.out).status;
    return made;
}

std::string text_of(std::size_t size) {
    std::string text;
    for (std::size_t i = 0; text.size() < size; ++i)
        text += std::to_string(i * 7919) + ",";
    text.resize(size);
    return text;
}

struct coding_case {
    content_coding coding;
    std::string (*compress)(std::string_view);
};

class content_codings : public testing::TestWithParam<coding_case> {};

TEST_P(content_codings, give_back_what_was_compressed) {
    for (std::size_t const size : {0, 1, 100, 65'535, 65'536, 65'537, 300'000}) {
        std::string const plain = text_of(size);
        auto const result = expanded(GetParam().coding, GetParam().compress(plain));
        EXPECT_EQ(result.status, expand_status::expanded) << size;
        EXPECT_TRUE(result.out == plain) << size;
    }
}

TEST_P(content_codings, take_a_body_of_exactly_the_limit_and_none_above) {
    std::string const body = GetParam().compress(text_of(200'000));
    EXPECT_EQ(expanded(GetParam().coding, body, 200'000).status, expand_status::expanded);
    EXPECT_EQ(expanded(GetParam().coding, body, 199'999).status, expand_status::too_large);
    EXPECT_EQ(expanded(GetParam().coding, body, 1).status, expand_status::too_large);
}

TEST_P(content_codings, stop_a_bomb_at_the_limit) {
    std::string const bomb = GetParam().compress(std::string(50'000'000, '\0'));
    ASSERT_LT(bomb.size(), 100'000u);
    auto const result = expanded(GetParam().coding, bomb);
    EXPECT_EQ(result.status, expand_status::too_large);
    EXPECT_LE(result.room_asked, bytes_max + 1);
    EXPECT_LE(result.out.size(), bytes_max + 1);
}

TEST_P(content_codings, ask_for_room_before_they_grow) {
    std::string const body = GetParam().compress(text_of(500'000));
    EXPECT_EQ(expanded(GetParam().coding, body, bytes_max, 100'000).status, expand_status::no_room);
    EXPECT_GE(expanded(GetParam().coding, body).room_asked, 500'000u);
}

TEST_P(content_codings, see_every_truncation) {
    std::string const body = GetParam().compress(text_of(2'000));
    for (std::size_t size = 1; size < body.size(); ++size)
        EXPECT_EQ(expanded(GetParam().coding, body.substr(0, size)).status, expand_status::damaged)
            << size;
}

TEST_P(content_codings, survive_every_flipped_bit) {
    std::string const plain = text_of(2'000);
    std::string const body = GetParam().compress(plain);
    for (std::size_t i = 0; i < body.size() * 8; ++i) {
        std::string flipped = body;
        flipped[i / 8] = static_cast<char>(flipped[i / 8] ^ (1 << (i % 8)));
        EXPECT_LE(expanded(GetParam().coding, flipped).out.size(), bytes_max + 1);
    }
}

TEST_P(content_codings, refuse_what_is_not_compressed) {
    for (std::string const& plain : {std::string{R"({"uuid":"x"})"}, std::string(100, '\xff')})
        EXPECT_EQ(expanded(GetParam().coding, plain).status, expand_status::damaged) << plain;
}

INSTANTIATE_TEST_SUITE_P(all, content_codings,
                         testing::Values(coding_case{content_coding::gzip, gzipped},
                                         coding_case{content_coding::deflate, zlib_deflated},
                                         coding_case{content_coding::deflate, bare_deflated},
                                         coding_case{content_coding::zstd, zstd_compressed}));

TEST(content_coding, reads_several_members_as_one_body) {
    std::string const plain = text_of(70'000);
    std::string_view const view = plain;
    auto const gzip = expanded(content_coding::gzip, gzipped(view.substr(0, 30'000)) + gzipped("") +
                                                         gzipped(view.substr(30'000)));
    EXPECT_EQ(gzip.status, expand_status::expanded);
    EXPECT_TRUE(gzip.out == plain);
    auto const zstd = expanded(content_coding::zstd, zstd_compressed(view.substr(0, 30'000)) +
                                                         zstd_compressed(view.substr(30'000)));
    EXPECT_EQ(zstd.status, expand_status::expanded);
    EXPECT_TRUE(zstd.out == plain);
}

TEST(content_coding, refuses_what_follows_the_compressed_data) {
    EXPECT_EQ(expanded(content_coding::gzip, gzipped("text") + "more").status,
              expand_status::damaged);
    EXPECT_EQ(expanded(content_coding::deflate, zlib_deflated("text") + "more").status,
              expand_status::damaged);
    EXPECT_EQ(expanded(content_coding::zstd, zstd_compressed("text") + "more").status,
              expand_status::damaged);
}

TEST(content_coding, an_empty_body_stays_empty) {
    auto const result = expanded(content_coding::gzip, "");
    EXPECT_EQ(result.status, expand_status::expanded);
    EXPECT_EQ(result.out, "");
}

TEST(content_coding, reads_the_field_in_any_case) {
    EXPECT_EQ(ingest::parse_content_coding(""), content_coding::identity);
    EXPECT_EQ(ingest::parse_content_coding("Identity"), content_coding::identity);
    EXPECT_EQ(ingest::parse_content_coding("GZip"), content_coding::gzip);
    EXPECT_EQ(ingest::parse_content_coding("x-gzip"), content_coding::gzip);
    EXPECT_EQ(ingest::parse_content_coding("deflate"), content_coding::deflate);
    EXPECT_EQ(ingest::parse_content_coding("zstd"), content_coding::zstd);
    EXPECT_EQ(ingest::parse_content_coding("br"), std::nullopt);
    EXPECT_EQ(ingest::parse_content_coding("gzip, gzip"), std::nullopt);
}

} // namespace
} // namespace tally::tests
