#include "ingest/tcp/acks.hpp"

#include <gtest/gtest.h>

namespace tally::ingest {
namespace {

TEST(tcp_acks, one_ack_covers_all_that_became_durable) {
    tcp_acks acks;
    auto const first = acks.begin(3, "", 30);
    auto const second = acks.begin(2, "", 20);
    auto const third = acks.begin(4, "", 40);
    EXPECT_EQ(acks.records(), 9U);
    EXPECT_EQ(acks.bytes_under_way(), 90U);

    acks.done(second, true);
    EXPECT_EQ(acks.take(), ""); // the first three are not durable
    acks.done(first, true);
    EXPECT_EQ(acks.bytes_under_way(), 40U);
    EXPECT_EQ(acks.take(), "{\"ack\":5}\n");
    EXPECT_EQ(acks.take(), ""); // each ack is given once
    acks.done(third, true);
    EXPECT_EQ(acks.take(), "{\"ack\":9}\n");
    EXPECT_TRUE(acks.all_done());
}

TEST(tcp_acks, errors_come_before_the_ack_that_covers_them) {
    tcp_acks acks;
    auto const first = acks.begin(1, "one\n", 1);
    auto const second = acks.begin(1, "two\n", 1);
    acks.done(second, true);
    EXPECT_EQ(acks.take(), "");
    acks.done(first, true);
    EXPECT_EQ(acks.take(), "one\ntwo\n{\"ack\":2}\n");
}

TEST(tcp_acks, nothing_is_acknowledged_after_a_failure) {
    tcp_acks acks;
    auto const first = acks.begin(1, "", 1);
    auto const second = acks.begin(1, "two\n", 1);
    auto const third = acks.begin(1, "three\n", 1);
    acks.done(first, true);
    acks.done(third, true);
    acks.done(second, false);
    EXPECT_TRUE(acks.failed());
    EXPECT_TRUE(acks.all_done());
    EXPECT_EQ(acks.take(), "{\"ack\":1}\n"); // the first was durable before
    EXPECT_EQ(acks.bytes_under_way(), 0U);

    acks.done(acks.begin(1, "", 1), true);
    EXPECT_EQ(acks.take(), "");
    EXPECT_EQ(acks.unsaid_bytes(), 0U);
}

TEST(tcp_acks, counts_errors_until_they_are_sent) {
    tcp_acks acks;
    auto const number = acks.begin(1, "12345\n", 1);
    EXPECT_EQ(acks.unsaid_bytes(), 6U);
    acks.done(number, true);
    EXPECT_EQ(acks.unsaid_bytes(), 6U);
    auto const text = acks.take();
    EXPECT_EQ(acks.unsaid_bytes(), text.size()); // given, and not known to be sent
    EXPECT_EQ(acks.take(), "");
    EXPECT_EQ(acks.unsaid_bytes(), 0U);
}

TEST(tcp_acks, a_group_without_records_has_errors_but_no_ack) {
    tcp_acks acks;
    acks.done(acks.begin(0, "unreadable\n", 10), true);
    EXPECT_EQ(acks.take(), "unreadable\n");
}

} // namespace
} // namespace tally::ingest
