#include "daemon/journal/push_journal.hpp"

#include "tests/daemon/pipeline/memory_stores.hpp"
#include "tests/ingest/journal/crashing_disk.hpp"

#include <gtest/gtest.h>

// How long the journal keeps segments that are stored, stepped by the test's own time.

namespace tally::daemon {
namespace {

using namespace std::chrono_literals;
using ingest::push_status;

class push_journal_retention : public ::testing::Test {
  protected:
    static constexpr std::uint64_t segment_bytes = 1024;

    void make(push_journal_options const& options) {
        journal_.reset();
        writer_ = std::make_unique<ingest::journal_writer>(
            ingest::journal_writer::options{"/journal", ingest::uuid_v7(), segment_bytes}, disk_);
        journal_ = std::make_unique<push_journal>(
            options, *writer_, [] { return std::shared_ptr<ingest::source_table const>{}; },
            [](ingest::record_block&) {},
            [this](journal_report const& report) { error_ = report.error; });
        journal_->open();
    }
    /// A push of one record that fills a segment of its own.
    void push() {
        auto block = tests::block_of(tests::call_json(1, 1, std::string(600, '4')));
        ASSERT_EQ(journal_->push(block), push_status::pushed);
        journal_->step(now_);
    }
    void push(int pushes) {
        for (int i = 0; i < pushes; ++i) {
            push();
        }
        ASSERT_EQ(writer_->extents().size(), static_cast<std::size_t>(pushes));
    }
    /// The segments that are left after this time.
    std::size_t segments_after(std::chrono::seconds time) {
        now_ += time;
        journal_->step(now_);
        EXPECT_EQ(writer_->extents().size(), disk_.files());
        return disk_.files();
    }

    ingest::tests::crashing_disk disk_{1};
    std::unique_ptr<ingest::journal_writer> writer_;
    std::unique_ptr<push_journal> journal_;
    std::chrono::steady_clock::time_point now_{1h};
    int error_ = 0;
};

TEST_F(push_journal_retention, removes_at_once_what_is_stored_when_nothing_is_to_be_kept) {
    make({1 << 26, 1 << 20, 0, 0s, 1 << 26});
    push(4);
    EXPECT_EQ(segments_after(1s), 4U) << "nothing is stored";
    journal_->confirm_position(2);
    EXPECT_EQ(segments_after(1s), 2U);
    journal_->confirm_position(4);
    EXPECT_EQ(segments_after(1s), 1U) << "the one that is being written stays";
}

TEST_F(push_journal_retention, keeps_what_is_stored_for_a_while) {
    make({1 << 26, 1 << 20, 0, 60s, 1 << 26});
    push(4);
    segments_after(1s);
    journal_->confirm_position(2);
    EXPECT_EQ(segments_after(1s), 4U);
    EXPECT_EQ(segments_after(59s), 4U);
    EXPECT_EQ(segments_after(1s), 2U);
}

TEST_F(push_journal_retention, each_segment_counts_from_when_it_was_stored) {
    make({1 << 26, 1 << 20, 0, 60s, 1 << 26});
    push(4);
    segments_after(1s);
    journal_->confirm_position(1);
    segments_after(1s);
    segments_after(29s);
    journal_->confirm_position(3);
    segments_after(1s);
    EXPECT_EQ(segments_after(30s), 3U);
    EXPECT_EQ(segments_after(30s), 1U);
}

TEST_F(push_journal_retention, keeps_no_more_bytes_than_it_may) {
    make({1 << 26, 1 << 20, 0, 1h, 2 * segment_bytes});
    push(5);
    journal_->confirm_position(4);
    auto const kept = segments_after(1s);
    EXPECT_LT(kept, 5U);
    EXPECT_GE(kept, 3U) << "the current one and as many as fit";
}

TEST_F(push_journal_retention, keeps_again_what_a_database_that_went_back_has_lost) {
    make({1 << 26, 1 << 20, 0, 60s, 1 << 26});
    push(4);
    segments_after(1s);
    journal_->confirm_position(3);
    segments_after(1s);
    journal_->confirm_position(1); // it went back
    segments_after(1s);
    EXPECT_EQ(segments_after(60s), 3U) << "only what it still has";
    journal_->confirm_position(3);
    segments_after(1s);
    EXPECT_EQ(segments_after(59s), 3U) << "confirmed again only now";
    EXPECT_EQ(segments_after(1s), 1U);
}

TEST_F(push_journal_retention, gives_up_a_piece_of_what_is_kept_when_the_disk_is_full) {
    make({1 << 26, 1 << 20, 0, 1h, 1 << 26});
    push(3);
    journal_->confirm_position(2);
    EXPECT_EQ(segments_after(1s), 3U);
    disk_.fail_per_mille(0, 0, 1000);
    push();
    EXPECT_EQ(error_, ENOSPC);
    EXPECT_EQ(disk_.files(), 2U) << "the oldest goes, the other is still kept";
    disk_.fail_per_mille(0, 0, 0);
    push();
    EXPECT_EQ(error_, 0);
    EXPECT_EQ(disk_.files(), 3U);
}

TEST_F(push_journal_retention, what_is_only_kept_takes_no_room_from_pushes) {
    make({4 * segment_bytes, 1 << 20, 0, 1h, 8 * segment_bytes});
    push(4);
    EXPECT_EQ(journal_->admit(100), push_status::full);
    journal_->confirm_position(4);
    segments_after(1s);
    EXPECT_EQ(journal_->admit(100), push_status::pushed);
    journal_->release(100);
    EXPECT_EQ(disk_.files(), 4U);
}

} // namespace
} // namespace tally::daemon
