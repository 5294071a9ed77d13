#include "tests/daemon/journal/feeder_fixture.hpp"

#include "ingest/journal/segment.hpp"

#include <algorithm>

// The feeder and the files of earlier runs: damage, and how long they are kept.

namespace tally::daemon {
namespace {

class feeder_files : public tests::feeder_fixture {};

TEST_F(feeder_files, stops_at_damaged_records_that_were_acknowledged) {
    earlier(3);
    disk.spoil(0, ingest::segment_head_bytes + ingest::frame_head_bytes);
    auto const run = start();
    run->feed();
    EXPECT_TRUE(run->failures.has_failed());
    EXPECT_TRUE(run->lanes.first_records.empty());
}

TEST_F(feeder_files, goes_on_behind_damage_that_the_operator_accepts) {
    auto const name = earlier(3);
    disk.spoil(0, ingest::segment_head_bytes + ingest::frame_head_bytes);
    auto const run = start({.retain = std::chrono::hours{1}, .skips_damage = true});
    run->feed();
    EXPECT_FALSE(run->failures.has_failed());
    EXPECT_EQ(run->lanes.first_records, (records{1, 2}));
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(positions.positions.at(name), 3U) << "nothing waits for what is lost";
}

TEST_F(feeder_files, a_write_that_was_cut_short_is_no_damage) {
    {
        auto const run = start();
        run->push(1);
        run->push(1);
        disk.fail_per_mille(0, 1000, 0);
        run->push(1);
        EXPECT_NE(run->flush_error, 0) << "its sender is told";
    }
    disk.fail_per_mille(0, 0, 0);
    disk.lose_power(); // any part of the last write is there
    auto const run = start();
    run->feed();
    EXPECT_FALSE(run->failures.has_failed());
    ASSERT_GE(run->lanes.first_records.size(), 2U);
    EXPECT_EQ(run->lanes.first_records[0], 0U);
    EXPECT_EQ(run->lanes.first_records[1], 1U);
}

TEST_F(feeder_files, tries_again_what_could_not_be_read) {
    earlier(2);
    auto const run = start();
    disk.fail_per_mille(0, 0, 0, 1000);
    run->feed();
    EXPECT_TRUE(run->lanes.first_records.empty());
    EXPECT_TRUE(run->feeder->step(run->now).is_stuck);
    EXPECT_TRUE(run->feeder->oldest_of_earlier()) << "although no push of it was read";
    disk.fail_per_mille(0, 0, 0, 0);
    run->feed();
    EXPECT_FALSE(run->feeder->step(run->now).is_stuck);
    EXPECT_EQ(run->lanes.first_records, (records{0, 1}));
    EXPECT_FALSE(run->failures.has_failed());
}

TEST_F(feeder_files, keeps_a_stored_stream_for_a_while) {
    auto const name = earlier(1);
    auto const run = start({.retain = std::chrono::seconds{60}});
    auto const bytes = run->pushes->bytes();
    run->feed();
    run->lanes.finish();
    run->keep();
    EXPECT_EQ(kept_streams().size(), 1U);
    run->now += std::chrono::seconds{59};
    run->feed();
    EXPECT_EQ(kept_streams().size(), 1U);
    EXPECT_TRUE(positions.positions.contains(name));
    run->now += std::chrono::seconds{1};
    run->feed();
    EXPECT_TRUE(kept_streams().empty());
    EXPECT_EQ(disk.list("/journal").at(0).bytes, ingest::segment_head_bytes);
    EXPECT_TRUE(positions.positions.contains(name));
    EXPECT_GT(bytes, 0U);
    EXPECT_EQ(run->pushes->bytes(), 0U);
}

// What is only kept for a failover takes no room from pushes. After the failover it does again.
TEST_F(feeder_files, counts_a_kept_stream_as_not_stored_once_the_database_went_back) {
    constexpr std::size_t half = 1 << 19;
    auto const name = earlier(1);
    auto const run =
        start({.retain = std::chrono::hours{1}, .journal_bytes = std::uint64_t{9} << 18});
    run->push(1);
    run->feed();
    run->lanes.finish_all();
    run->keep();
    ASSERT_EQ(run->pushes->bytes(), std::uint64_t{2} << 20);
    ASSERT_EQ(run->pushes->admit(half), ingest::push_status::pushed);
    run->pushes->release(half);

    positions.positions[name] = 0;
    run->keep();
    EXPECT_EQ(run->pushes->admit(half), ingest::push_status::full);
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(run->pushes->admit(half), ingest::push_status::pushed);
}

TEST_F(feeder_files, keeps_no_more_bytes_of_stored_streams_than_it_may) {
    // Ids of one millisecond are in any order.
    auto const [oldest, newest] = std::minmax({earlier(1), earlier(1)});
    auto const run =
        start({.retain = std::chrono::hours{1}, .retain_bytes = std::uint64_t{3} << 19});
    run->feed();
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(kept_streams(), std::vector{newest});
    EXPECT_TRUE(positions.positions.contains(oldest));
}

TEST_F(feeder_files, keeps_a_stream_that_is_not_stored_whatever_the_limits_are) {
    earlier(2);
    auto const run = start({.retain_bytes = 0});
    run->feed();
    run->lanes.finish();
    run->now += std::chrono::hours{100};
    run->keep();
    EXPECT_EQ(kept_streams().size(), 1U);
}

// The end is written while there is room.
TEST_F(feeder_files, removes_a_stored_stream_from_a_full_disk) {
    earlier(1);
    auto const run = start({.retain = std::chrono::seconds{60}});
    run->feed();
    run->lanes.finish_all();
    run->keep();
    ASSERT_EQ(kept_streams().size(), 1U);
    disk.fail_per_mille(0, 0, 1000);
    run->now += std::chrono::seconds{60};
    run->feed();
    EXPECT_TRUE(kept_streams().empty());
    EXPECT_EQ(disk.files(), 1U);
}

TEST_F(feeder_files, knows_the_ends_of_a_bounded_number_of_removed_streams) {
    std::vector<std::string> names;
    for (int i = 0; i < 5; ++i) {
        names.push_back(earlier(1));
    }
    auto const run = start({.removed_max = 3});
    for (int i = 0; i < 5; ++i) {
        run->feed();
        run->lanes.finish_all();
        run->keep();
    }
    EXPECT_EQ(disk.files(), 3U);
    EXPECT_EQ(positions.positions.size(), 3U);
    auto const later = start({.removed_max = 3});
    later->feed();
    EXPECT_TRUE(later->feeder->gaps().empty());
    EXPECT_FALSE(later->feeder->oldest_of_earlier());
}

TEST_F(feeder_files, removes_a_stream_from_a_full_disk_and_writes_its_end_later) {
    earlier(4, 512);
    auto const run = start();
    disk.fail_per_mille(0, 0, 1000);
    run->feed();
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(disk.files(), 0U) << "room for pushes comes first";
    EXPECT_EQ(run->pushes->bytes(), 0U);

    // The end is written when there is room, and until then it is known.
    run->feed();
    EXPECT_TRUE(run->feeder->gaps().empty());
    disk.fail_per_mille(0, 0, 0);
    run->now += std::chrono::seconds{10};
    run->feed();
    ASSERT_EQ(disk.files(), 1U);
    auto const left = ingest::journal_streams_in("/journal", disk);
    EXPECT_TRUE(left[0].is_removed());
    EXPECT_EQ(left[0].segments[0].first_record, 4U);
    positions.positions.begin()->second = 1;
    run->keep();
    ASSERT_EQ(run->feeder->gaps().size(), 1U);
}

// As after many short runs: one file each.
TEST_F(feeder_files, removes_a_stream_of_one_file_although_there_is_no_room_for_its_end) {
    earlier(1);
    auto const run = start();
    disk.fail_per_mille(0, 0, 1000);
    run->feed();
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(disk.files(), 0U);
    EXPECT_EQ(run->pushes->bytes(), 0U);
}

} // namespace
} // namespace tally::daemon
