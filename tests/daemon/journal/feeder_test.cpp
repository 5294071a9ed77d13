#include "tests/daemon/journal/feeder_fixture.hpp"

// The feeder over a disk, positions and lanes of the test: what it reads, in which order, how
// often, and when the journal counts as drained.

namespace tally::daemon {
namespace {

using ingest::push_status;

class feeder : public tests::feeder_fixture {};

TEST_F(feeder, feeds_what_is_durable_in_order) {
    auto const run = start();
    run->push(2);
    run->push(3);
    run->feed();
    EXPECT_EQ(run->lanes.first_records, (records{0, 2}));
    EXPECT_EQ(run->feeder->next_record(), 5U);
    run->push(1);
    run->feed();
    EXPECT_EQ(run->lanes.first_records, (records{0, 2, 5}));
    EXPECT_FALSE(run->lanes.blocks.back()->decided.empty()) << "the payer that was decided before";
}

TEST_F(feeder, reads_nothing_before_there_is_a_catalog) {
    auto const run = start();
    auto const catalog = std::exchange(run->catalog, nullptr);
    run->push(1);
    run->feed();
    EXPECT_TRUE(run->lanes.first_records.empty());
    run->catalog = catalog;
    run->feed();
    EXPECT_EQ(run->lanes.first_records, records{0});
}

TEST_F(feeder, waits_for_the_positions) {
    auto const run = start();
    run->push(1);
    positions.is_away = true;
    run->feed();
    EXPECT_TRUE(run->lanes.first_records.empty());
    positions.is_away = false;
    run->feed();
    EXPECT_EQ(run->lanes.first_records, records{0});
}

TEST_F(feeder, pushes_each_record_once_however_often_the_lanes_refuse) {
    auto const run = start();
    for (int i = 0; i < 3; ++i) {
        run->push(1);
    }
    run->lanes.answer = push_status::full;
    run->feed();
    run->feed();
    EXPECT_TRUE(run->lanes.first_records.empty());
    run->lanes.answer = push_status::closed;
    run->feed();
    EXPECT_TRUE(run->lanes.first_records.empty());
    run->lanes.answer = push_status::pushed;
    run->feed();
    EXPECT_EQ(run->lanes.first_records, (records{0, 1, 2}));
    run->lanes.finish_all();
    EXPECT_EQ(run->lanes.credit_taken, 0U);
}

TEST_F(feeder, begins_at_the_position_of_an_earlier_run) {
    {
        auto const run = start();
        for (int i = 0; i < 3; ++i) {
            run->push(2);
        }
        run->feed();
        run->lanes.finish();
        run->keep();
        EXPECT_EQ(positions.positions.at(run->name()), 2U);
        run->lanes.blocks.clear(); // killed
    }
    auto const run = start();
    run->push(1);
    run->feed();
    EXPECT_EQ(run->lanes.first_records, (records{2, 4, 0})) << "the own stream comes last";
    EXPECT_NE(run->feeder->oldest_of_earlier(), std::nullopt);
    run->lanes.finish_all();
    run->keep();
    run->feed();
    EXPECT_EQ(run->feeder->oldest_of_earlier(), std::nullopt);
}

TEST_F(feeder, begins_within_a_push_that_is_stored_in_part) {
    auto first = start();
    first->push(4);
    positions.positions[first->name()] = 3;
    first.reset();
    auto const run = start();
    run->feed();
    EXPECT_EQ(run->lanes.first_records, records{0}) << "a push is fed as a whole";
}

TEST_F(feeder, feeds_nothing_that_is_stored) {
    auto first = start();
    first->push(2);
    first->push(2);
    positions.positions[first->name()] = 4;
    first.reset();
    auto const run = start({.retain = std::chrono::hours{1}});
    run->feed();
    EXPECT_TRUE(run->lanes.first_records.empty());
}

TEST_F(feeder, tells_the_journal_what_is_stored) {
    auto const run = start();
    auto const waits = std::make_shared<ingest::commit_wait>();
    auto block = tests::block_of(tests::call_json(1, 1));
    ingest::block_outcome outcome;
    block->waits = waits;
    block->on_done = [&outcome](ingest::block_outcome const& each) { outcome = each; };
    ASSERT_EQ(run->pushes->push(block), push_status::pushed);
    run->pushes->step(run->now);
    run->feed();
    EXPECT_FALSE(outcome.durable);
    run->lanes.finish();
    EXPECT_EQ(outcome, (ingest::block_outcome{true, 1, 0, 0}));
}

TEST_F(feeder, is_drained_once_the_database_has_confirmed_the_end) {
    auto const run = start();
    run->push(1);
    run->feed();
    run->keep();
    run->feeder->drain();
    run->feed();
    EXPECT_FALSE(run->feeder->is_drained());
    run->lanes.finish();
    run->feed();
    EXPECT_FALSE(run->feeder->is_drained()) << "stored, but the position does not say so";
    positions.is_away = true;
    run->keep();
    EXPECT_FALSE(run->feeder->is_drained());
    positions.is_away = false;
    run->keep();
    EXPECT_TRUE(run->feeder->is_drained());
    EXPECT_EQ(run->feeder->committed(), 1U);
}

TEST_F(feeder, is_not_drained_while_pushes_may_come) {
    auto const run = start();
    run->feed();
    run->keep();
    EXPECT_FALSE(run->feeder->is_drained());
    run->feeder->drain();
    run->feed();
    EXPECT_TRUE(run->feeder->is_drained());
}

TEST_F(feeder, is_never_drained_beyond_a_block_that_was_given_up) {
    auto const run = start();
    run->push(1);
    run->push(1);
    run->feed();
    run->lanes.finish(false);
    run->lanes.finish();
    run->feeder->drain();
    run->keep();
    EXPECT_FALSE(run->feeder->is_drained());
    EXPECT_EQ(run->feeder->committed(), 0U);
}

TEST_F(feeder, is_not_drained_before_the_earlier_streams_are_stored) {
    auto first = start();
    first->push(1);
    first.reset();
    auto const run = start();
    run->feeder->drain();
    run->feed();
    EXPECT_FALSE(run->feeder->is_drained());
    run->lanes.finish();
    run->keep();
    run->feed();
    EXPECT_TRUE(run->feeder->is_drained());
}

// A standby that was behind was promoted: the positions are lower than before.
TEST_F(feeder, begins_again_where_a_database_that_went_back_is) {
    auto const run = start({.retain = std::chrono::hours{1}});
    run->push(1);
    run->push(1);
    run->feed();
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(run->feeder->committed(), 2U);
    EXPECT_EQ(run->times_forgotten, 0);

    positions.positions[run->name()] = 1;
    run->keep();
    EXPECT_EQ(run->times_forgotten, 1);
    EXPECT_EQ(run->lanes.first_records, (records{0, 1, 1}));
    EXPECT_EQ(run->feeder->committed(), 1U);
    run->lanes.finish_all();
    run->keep();
    EXPECT_EQ(positions.positions.at(run->name()), 2U);
}

// R4: a reader that ends too early would look as if all were read.
TEST_F(feeder, reports_a_reader_that_ends_before_what_is_on_disk) {
    auto const run = start();
    run->push(1);
    run->feed();
    EXPECT_FALSE(run->failures.has_failed());
    run->push(2);
    disk.cut(0, ingest::segment_head_bytes);
    run->feed();
    EXPECT_TRUE(run->failures.has_failed());
}

TEST_F(feeder, says_how_far_each_stream_is) {
    auto first = start();
    first->push(2);
    auto const earlier = first->name();
    first.reset();
    auto const run = start();
    run->push(3);
    run->feed();
    run->lanes.finish();
    run->keep();
    EXPECT_EQ(run->feeder->describe(), run->name() + ": read to 3, stored to 0, confirmed 0")
        << "the earlier stream is stored and removed";
    EXPECT_EQ(positions.positions.at(earlier), 2U);
}

} // namespace
} // namespace tally::daemon
