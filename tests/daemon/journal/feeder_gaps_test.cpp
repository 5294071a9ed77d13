#include "tests/daemon/journal/feeder_fixture.hpp"

#include <algorithm>

// The feeder and records that neither the journal nor the database has.

namespace tally::daemon {
namespace {

class feeder_gaps : public tests::feeder_fixture {};

// The files of the first records were removed because the database had confirmed them; then it went
// back.
TEST_F(feeder_gaps, reports_records_that_are_in_no_file_until_an_operator_settles_them) {
    auto const name = earlier(4, 512);
    ASSERT_EQ(disk.files(), 4U);
    disk.remove(disk.list("/journal").at(0).file);
    disk.remove(disk.list("/journal").at(0).file);
    positions.positions[name] = 1;

    auto const run = start({.retain = std::chrono::hours{1}});
    run->feed();
    ASSERT_EQ(run->feeder->gaps().size(), 1U);
    EXPECT_EQ(run->feeder->gaps()[0].stream, name);
    EXPECT_EQ(run->feeder->gaps()[0].first_record, 1U);
    EXPECT_EQ(run->feeder->gaps()[0].end_record, 2U);
    EXPECT_EQ(run->lanes.first_records, (records{2, 3}));
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(positions.positions.at(name), 1U) << "what is missing is not stored";

    positions.positions[name] = 2; // tallyd journal settle
    run->keep();
    run->keep();
    EXPECT_EQ(positions.positions.at(name), 4U);
    EXPECT_TRUE(run->feeder->gaps().empty());
}

TEST_F(feeder_gaps, reports_records_of_a_stream_that_was_removed) {
    auto const name = earlier(3);
    auto const run = start();
    run->feed();
    run->lanes.finish_all();
    run->keep();
    ASSERT_TRUE(kept_streams().empty());
    run->push(1);
    run->feed();
    run->lanes.finish_all();
    run->keep();
    EXPECT_TRUE(run->feeder->gaps().empty());

    // The database goes back, to before the stream was stored. Nothing of this run is missing.
    positions.positions[name] = 1;
    auto const expect_gap = [&name](tests::feeder_run const& one) {
        ASSERT_EQ(one.feeder->gaps().size(), 1U);
        EXPECT_EQ(one.feeder->gaps()[0].stream, name);
        EXPECT_EQ(one.feeder->gaps()[0].first_record, 1U);
        EXPECT_EQ(one.feeder->gaps()[0].end_record, 3U);
    };
    run->keep();
    expect_gap(*run);
    expect_gap(*[this] {
        auto later = start();
        later->feed();
        return later;
    }());

    positions.positions[name] = 3; // tallyd journal settle
    run->keep();
    run->keep();
    EXPECT_TRUE(run->feeder->gaps().empty());
}

// Another process moved the position while the files could not be read: no frame is taken.
TEST_F(feeder_gaps, ends_a_stream_that_was_settled_before_it_was_read_where_it_ends) {
    auto const name = earlier(3);
    auto const run = start();
    disk.fail_per_mille(0, 0, 0, 1000);
    run->feed();
    positions.positions[name] = 3;
    run->keep();
    disk.fail_per_mille(0, 0, 0, 0);
    run->feed();
    EXPECT_TRUE(run->lanes.first_records.empty());
    auto const left = ingest::journal_streams_in("/journal", disk);
    ASSERT_EQ(left.size(), 1U);
    EXPECT_TRUE(left[0].is_removed());
    EXPECT_EQ(left[0].segments[0].first_record, 3U);
}

// A segment that follows a failed write begins later than the one before it ends. Its first number
// says what is missing all the same, once the one before it is removed.
TEST_F(feeder_gaps, reports_records_in_no_file_also_before_a_segment_that_follows_a_failure) {
    auto const name = [this] {
        auto const run = start();
        run->push(3);
        disk.fail_per_mille(1000, 0, 0);
        run->push(1);
        disk.fail_per_mille(0, 0, 0);
        run->push(2);
        return run->name();
    }();
    ASSERT_EQ(disk.files(), 2U);

    // The position is at 4 or after it when the first segment is removed. Then the database goes
    // back.
    disk.remove(disk.list("/journal").at(0).file);
    positions.positions[name] = 1;
    auto const run = start({.retain = std::chrono::hours{1}});
    run->feed();
    ASSERT_EQ(run->feeder->gaps().size(), 1U);
    EXPECT_EQ(run->feeder->gaps()[0].first_record, 1U);
    EXPECT_EQ(run->feeder->gaps()[0].end_record, 4U);
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(positions.positions.at(name), 1U) << "what is missing is not stored";
}

TEST_F(feeder_gaps, passes_numbers_that_a_failed_write_left_out) {
    auto const name = [this] {
        auto const run = start();
        disk.fail_per_mille(1000, 0, 0);
        run->push(1);
        disk.fail_per_mille(0, 0, 0);
        run->push(2);
        return run->name();
    }();
    auto const run = start({.retain = std::chrono::hours{1}});
    run->feed();
    EXPECT_TRUE(run->feeder->gaps().empty());
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(positions.positions.at(name), 3U);
}

// The last write failed, and so did the first one into the next segment, which has no frame.
TEST_F(feeder_gaps, ends_a_stream_behind_numbers_that_failed_writes_used_up) {
    auto const name = [this] {
        auto const run = start();
        run->push(3);
        disk.fail_per_mille(1000, 0, 0);
        run->push(1);
        run->push(1);
        disk.fail_per_mille(0, 0, 0);
        return run->name();
    }();
    auto const run = start({.retain = std::chrono::seconds{60}});
    run->feed();
    run->lanes.finish_all();
    run->keep();
    auto const files = disk.files();
    EXPECT_GT(files, 2U);
    run->now += std::chrono::seconds{60};
    run->feed();
    EXPECT_EQ(disk.files(), 1U);
    auto const later = start();
    later->feed();
    EXPECT_TRUE(later->feeder->gaps().empty());
    EXPECT_EQ(positions.positions.at(name), 4U);
}

// The journal's thread removes segments while the feeder reads a position that went back.
TEST_F(feeder_gaps, names_what_is_removed_between_the_position_and_the_first_read) {
    auto const run = start({.segment_bytes = 512});
    for (int i = 0; i < 4; ++i) {
        run->push(1);
    }
    run->catalog = nullptr; // it opens nothing yet
    run->feed();
    ASSERT_EQ(disk.files(), 4U);
    run->catalog = tests::small_catalog();
    positions.positions[run->name()] = 1;
    disk.fail_per_mille(0, 0, 0, 1000);
    run->feed(); // opened, and nothing is read
    ASSERT_EQ(run->writer.release(3), 0);
    disk.fail_per_mille(0, 0, 0, 0);
    run->feed();
    ASSERT_EQ(run->feeder->gaps().size(), 1U);
    EXPECT_EQ(run->feeder->gaps()[0].first_record, 1U);
    EXPECT_EQ(run->feeder->gaps()[0].end_record, 3U);
}

// Its head could not be read when the folder was listed.
TEST_F(feeder_gaps, looks_for_missing_records_when_a_head_can_be_read_at_last) {
    auto const name = earlier(4, 512);
    disk.remove(disk.list("/journal").at(0).file);
    disk.remove(disk.list("/journal").at(0).file);
    positions.positions[name] = 1;
    disk.fail_per_mille(0, 0, 0, 1000);
    auto const run = start({.retain = std::chrono::hours{1}});
    disk.fail_per_mille(0, 0, 0, 0);
    run->feed();
    ASSERT_EQ(run->feeder->gaps().size(), 1U);
    EXPECT_EQ(run->feeder->gaps()[0].first_record, 1U);
    EXPECT_EQ(run->feeder->gaps()[0].end_record, 2U);
}

} // namespace
} // namespace tally::daemon
