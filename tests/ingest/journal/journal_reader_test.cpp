#include "ingest/journal/folder.hpp"
#include "tests/ingest/journal/crashing_disk.hpp"
#include "tests/ingest/journal/journal_fixture.hpp"

#include <random>

// A reader next to a live writer: what it sees while segments come and go.

namespace tally::ingest {
namespace {

namespace fs = std::filesystem;
using status = journal_reader::status;

/// A reader next to a writer that flushes, fails, and releases what was read, in random order and
/// with random pauses: it sees every durable record once, in order.
void follow_at_random(fs::path const& folder, std::uint64_t seed) {
    tests::crashing_disk disk{seed};
    std::mt19937_64 random{seed};
    if (seed % 2 == 0) {
        disk.fail_per_mille(40, 40, 40);
    }
    uuid const stream = uuid_v7();
    journal_writer writer{{folder, stream, 300 + random() % 900}, disk};
    journal_reader reader{stream, {}};
    frame_view frame;
    std::vector<std::uint64_t> durable;
    std::vector<std::uint64_t> appended;
    std::vector<std::uint64_t> read;
    auto const read_on = [&] {
        while (reader.next(frame) == status::frame) {
            read.push_back(frame.head.first_record);
        }
    };
    for (int step = 0; step < 200; ++step) {
        switch (random() % 5) {
        case 0:
            appended.push_back(writer.append("payload", 1, 0));
            break;
        case 1: {
            auto const flushed = writer.flush();
            for (auto const record : appended) {
                if (record >= flushed.begin && record < flushed.durable_end) {
                    durable.push_back(record);
                }
            }
            appended.clear();
            disk.show(folder);
            break;
        }
        case 2:
            reader.extend(writer.extents());
            break;
        case 3:
            read_on();
            break;
        default:
            EXPECT_EQ(writer.release(reader.next_record()), 0);
            disk.show(folder);
            break;
        }
    }
    reader.extend(writer.extents());
    read_on();
    EXPECT_EQ(read, durable) << "seed " << seed;
    EXPECT_GE(reader.next_record(), writer.readable_end()) << "seed " << seed;
}

class journal_reader_test : public journal_test {};

TEST_F(journal_reader_test, a_reader_follows_the_writer_up_to_what_is_durable) {
    auto const to = writer(512);
    journal_reader reader{stream_, {}};
    frame_view frame;
    std::uint64_t seen = 0;
    for (std::uint64_t i = 0; i < 100; ++i) {
        to->append(std::to_string(i), 1, 0);
        reader.extend(to->extents());
        EXPECT_EQ(reader.next(frame), status::end) << "not on disk yet";
        EXPECT_EQ(to->flush().error, 0);
        reader.extend(to->extents());
        ASSERT_EQ(reader.next(frame), status::frame);
        EXPECT_EQ(frame.payload, std::to_string(seen++));
        EXPECT_EQ(to->release(reader.next_record()), 0);
        EXPECT_LE(to->extents().size(), 2U);
    }
}

// The flushing thread releases a segment as soon as its records are stored, which may be before the
// reader asks for the extents again.
TEST_F(journal_reader_test, a_reader_goes_on_in_the_next_segment_when_its_own_was_released) {
    auto const to = writer(512);
    journal_reader reader{stream_, {}};
    frame_view frame;
    std::uint64_t seen = 0;
    for (std::uint64_t i = 0; i < 100; ++i) {
        to->append(std::to_string(i), 1, 0);
        ASSERT_EQ(to->flush().error, 0);
        ASSERT_EQ(to->release(i), 0) << "all before this one are stored";
        reader.extend(to->extents());
        ASSERT_EQ(reader.next(frame), status::frame) << "record " << i;
        EXPECT_EQ(frame.payload, std::to_string(seen++));
        EXPECT_EQ(reader.next(frame), status::end);
        EXPECT_EQ(reader.next_record(), to->readable_end());
    }
}

TEST_F(journal_reader_test, a_reader_finds_records_missing_that_were_released_before_it_read_them) {
    auto const to = writer(512);
    journal_reader reader{stream_, {}};
    frame_view frame;
    to->append("read", 1, 0);
    ASSERT_EQ(to->flush().error, 0);
    reader.extend(to->extents());
    ASSERT_EQ(reader.next(frame), status::frame);
    while (to->extents().size() < 3) {
        to->append("not read, and yet released", 1, 0);
        ASSERT_EQ(to->flush().error, 0);
    }
    ASSERT_EQ(to->release(to->readable_end()), 0);
    reader.extend(to->extents());
    ASSERT_EQ(reader.next(frame), status::damaged);
    EXPECT_EQ(reader.damage()->first_record, 1U);
    EXPECT_EQ(reader.damage()->next_record, to->extents().front().first_record);
}

TEST_F(journal_reader_test, a_reader_follows_through_rests_releases_and_failures_in_any_order) {
    for (std::uint64_t seed = 1; seed <= 40 && !HasFailure(); ++seed) {
        fs::path const folder = folder_ / std::to_string(seed);
        fs::create_directory(folder);
        follow_at_random(folder, seed);
        fs::remove_all(folder);
    }
}

// The writer is gone, so the reader finds the end by itself: bytes that it cannot read must not
// look like a write that was cut short.
TEST(journal_read_errors, are_reported_and_prove_nothing_about_the_bytes) {
    tests::crashing_disk disk{1};
    journal_writer writer{{"/journal", uuid_v7(), 4096}, disk};
    writer.append("first", 1, 0);
    writer.append("second", 1, 0);
    ASSERT_EQ(writer.flush().durable_end, 2U);
    auto const streams = journal_streams_in("/journal", disk);
    ASSERT_EQ(streams.size(), 1U);

    journal_reader reader{streams[0].id, streams[0].segments, disk};
    frame_view frame;
    disk.fail_per_mille(0, 0, 0, 1000);
    EXPECT_EQ(reader.next(frame), journal_reader::status::failed);
    EXPECT_EQ(reader.error(), EIO);
    disk.fail_per_mille(0, 0, 0, 0);
    EXPECT_EQ(reader.next(frame), journal_reader::status::frame);
    EXPECT_EQ(frame.payload, "first");
    EXPECT_EQ(reader.next(frame), journal_reader::status::frame);
    EXPECT_EQ(reader.next(frame), journal_reader::status::end);
    EXPECT_FALSE(reader.tail());
}

} // namespace
} // namespace tally::ingest
