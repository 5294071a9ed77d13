#include "ingest/base/uuid.hpp"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <set>

namespace tally::ingest {
namespace {

TEST(uuid, reads_the_36_character_form_in_either_case) {
    auto const lower = parse_uuid("9b2f6c3e-8d1a-4f57-b0a4-1c2d3e4f5a6b");
    auto const upper = parse_uuid("9B2F6C3E-8D1A-4F57-B0A4-1C2D3E4F5A6B");
    ASSERT_TRUE(lower);
    EXPECT_EQ(lower, upper);
    EXPECT_EQ(lower->bytes[0], 0x9b);
    EXPECT_EQ(lower->bytes[15], 0x6b);
    EXPECT_EQ(to_string(*upper), "9b2f6c3e-8d1a-4f57-b0a4-1c2d3e4f5a6b");
}

TEST(uuid, refuses_every_other_form) {
    for (auto const text :
         {"", "9b2f6c3e", "9b2f6c3e8d1a4f57b0a41c2d3e4f5a6b",
          "{9b2f6c3e-8d1a-4f57-b0a4-1c2d3e4f5a6b}", "9b2f6c3e-8d1a-4f57-b0a4-1c2d3e4f5a6",
          "9b2f6c3e-8d1a-4f57-b0a4-1c2d3e4f5a6bb", "9b2f6c3g-8d1a-4f57-b0a4-1c2d3e4f5a6b",
          "9b2f6c3e+8d1a-4f57-b0a4-1c2d3e4f5a6b", "9b2f6c3-e8d1a-4f57-b0a4-1c2d3e4f5a6b",
          "a_9b2f6c3e-8d1a-4f57-b0a4-1c2d3e4f5a"}) {
        EXPECT_FALSE(parse_uuid(text)) << text;
    }
}

RC_GTEST_PROP(uuid, text_gives_the_same_id_back, (std::array<std::uint8_t, 16> const& bytes)) {
    uuid const id{bytes};
    RC_ASSERT(parse_uuid(to_string(id)) == std::optional(id));
}

TEST(uuid, version_5_agrees_with_the_rfc) {
    auto const dns = parse_uuid("6ba7b810-9dad-11d1-80b4-00c04fd430c8");
    EXPECT_EQ(to_string(uuid_v5(*dns, "www.example.com")), "2ed6657d-e927-568b-95e1-2665a8aea6a2");
}

TEST(uuid, the_name_space_of_call_ids_never_changes) {
    EXPECT_EQ(to_string(call_id_name_space), "7e2b6a54-3c1d-5f0e-9a48-746c6c796401");
}

TEST(uuid, version_7_grows_with_time_and_never_repeats) {
    std::set<uuid> seen;
    auto const first = uuid_v7();
    for (int round = 0; round < 1000; ++round) {
        auto const id = uuid_v7();
        EXPECT_TRUE(seen.insert(id).second);
        EXPECT_EQ(id.bytes[6] >> 4, 7);
        EXPECT_EQ(id.bytes[8] >> 6, 2);
        EXPECT_LE(std::memcmp(first.bytes.data(), id.bytes.data(), 6), 0);
    }
}

} // namespace
} // namespace tally::ingest
