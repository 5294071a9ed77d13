#include "daemon/journal/inventory.hpp"

#include <gtest/gtest.h>

// Which records neither the journal nor the database has, by the files and the position.

namespace tally::daemon {
namespace {

ingest::segment_extent segment(std::uint64_t number, std::uint64_t first_record) {
    ingest::segment_extent made;
    made.number = number;
    made.first_record = first_record;
    return made;
}

std::optional<record_range> gap_of(std::vector<ingest::segment_extent> segments,
                                   std::optional<std::uint64_t> position) {
    inventoried_stream stream;
    stream.extents = std::move(segments);
    stream.position = position;
    return stream.gap();
}

TEST(inventory, has_a_gap_where_the_first_segment_left_begins_after_the_position) {
    EXPECT_EQ(gap_of({segment(2, 10), segment(3, 20)}, 4), (record_range{4, 10}));
    EXPECT_EQ(gap_of({segment(2, 10), segment(3, 20)}, 10), std::nullopt);
    EXPECT_EQ(gap_of({segment(2, 10), segment(3, 20)}, 15), std::nullopt);
    EXPECT_EQ(gap_of({segment(2, 10)}, std::nullopt), std::nullopt) << "not asked";
    EXPECT_EQ(gap_of({}, 4), std::nullopt);
}

// Before the first segment of all nothing was written.
TEST(inventory, has_no_gap_before_the_first_segment) {
    EXPECT_EQ(gap_of({segment(0, 5)}, 0), std::nullopt);
}

// The last writes failed: a segment without a frame, and the end of the stream, which is stored.
TEST(inventory, has_no_gap_before_numbers_that_failed_writes_used_up) {
    EXPECT_EQ(gap_of({segment(1, 12), segment(2, 10)}, 10), std::nullopt);
}

TEST(inventory, has_no_gap_before_a_head_that_cannot_be_read) {
    EXPECT_EQ(gap_of({segment(3, ingest::segment_extent::unknown)}, 4), std::nullopt);
}

} // namespace
} // namespace tally::daemon
