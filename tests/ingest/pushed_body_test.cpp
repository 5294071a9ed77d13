#include "ingest/journal/pushed_body.hpp"

#include <gtest/gtest.h>

// What the journal keeps of a push, and how it is read again.

namespace tally::ingest {
namespace {

constexpr time_us long_ago = 1'600'000'000'000'000;

std::string const call =
    R"({"uuid":"d0000000-0000-4000-8000-000000000001","account_number":"ACC-1",)"
    R"("direction":"outbound","caller_id":"1001","destination":"4420",)"
    R"("start_time":"2026-05-04T10:00:00Z","end_time":"2026-05-04T10:01:02Z",)"
    R"("duration":62,"billsec":60})";

std::string event(std::string const& id, std::string const& type) {
    return R"({"specversion":"1.0","source":"/shop","id":")" + id + R"(","type":")" + type +
           R"(","subject":"SUB-1","data":{"metric":"sms"}})";
}

struct pushed_body : testing::Test {
    /// As a session makes it.
    std::unique_ptr<record_block> pushed(std::string_view format, std::string body) {
        auto block = std::make_unique<record_block>();
        block->from = std::make_shared<source const>(sources.local());
        block->in_format = find_format(format);
        block->content_type = "application/json";
        block->batch.set_body(std::move(body));
        block->in_format->decode({*block->from, block->content_type, {}, 1}, block->batch);
        return block;
    }
    std::unique_ptr<record_block> read_again(record_block const& block) {
        return decode_pushed(encode_pushed(block), sources, long_ago);
    }

    source_table sources{std::vector<source>(1)};
};

TEST_F(pushed_body, calls_come_back) {
    auto const block = pushed("canonical", call + "\n{}\n" + call);
    auto const again = read_again(*block);
    EXPECT_EQ(again->in_format, block->in_format);
    EXPECT_EQ(again->content_type, "application/json");
    EXPECT_EQ(again->batch.cdrs, block->batch.cdrs);
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_FALSE(again->suspend_rejected);
}

TEST_F(pushed_body, events_come_back_at_the_time_they_came) {
    auto const block = pushed("cloudevents", event("1", "usage") + "\n{}\n" + event("2", "usage"));
    auto const again = read_again(*block);
    ASSERT_EQ(again->batch.events.size(), 2u);
    EXPECT_EQ(block->batch.events[0].occurred, 1);
    EXPECT_EQ(again->batch.events[0].occurred, long_ago);
    EXPECT_TRUE(again->batch.events[0].time_assumed);
    for (std::size_t i = 0; i < 2; ++i) {
        block->batch.events[i].occurred = long_ago;
        EXPECT_EQ(again->batch.events[i], block->batch.events[i]) << "and says the same";
    }
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_FALSE(again->suspend_rejected);
}

TEST_F(pushed_body, a_single_event_of_an_unknown_type_is_decoded_again) {
    auto const block = pushed("cloudevents", event("1", "from.tomorrow"));
    ASSERT_EQ(block->batch.rejected.size(), 1u);
    auto const again = read_again(*block);
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_TRUE(again->batch.rejected.at(0).suspended);
    EXPECT_FALSE(again->suspend_rejected) << "or it would be kept as a body nobody can read";
}

TEST_F(pushed_body, what_could_not_be_taken_apart_is_not_tried_again) {
    auto const block = pushed("freeswitch", "!");
    block->batch.reject_whole(record_error::bad_encoding, "a broken gzip");
    block->suspend_rejected = true;
    auto const again = read_again(*block);
    EXPECT_EQ(again->batch.rejected, block->batch.rejected);
    EXPECT_TRUE(again->suspend_rejected);
}

TEST_F(pushed_body, of_another_version_waits_in_suspense) {
    auto const block = pushed("canonical", call);
    format const later{.name = "later",
                       .description = {},
                       .decode = block->in_format->decode,
                       .cut = framing::line,
                       .sender = sender_kind::application,
                       .kind = record_kind::event,
                       .paths = {},
                       .by_file = false};
    block->in_format = &later;
    auto const again = read_again(*block);
    ASSERT_EQ(again->batch.rejected.size(), 1u);
    EXPECT_EQ(again->batch.rejected[0].raw, call);
    EXPECT_NE(again->batch.rejected[0].detail.find("'later'"), std::string::npos);
    EXPECT_TRUE(again->suspend_rejected);
}

} // namespace
} // namespace tally::ingest
