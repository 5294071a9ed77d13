#include "tests/daemon/pipeline/stepped_lane.hpp"

// A lane whose batches are written while they grow, with a database in memory.

namespace tally::daemon {
namespace {

using namespace std::chrono_literals;
using tests::call_json;

class growing_lane : public tests::stepped_lane {
  protected:
    growing_lane() {
        options_.piece_rows = 2;
        options_.grow_max = 1000ms;
        options_.grow_idle_max = 50ms;
        options_.pace = [this] { return pace_; };
    }

    growth pace_ = growth::as_usual;
};

TEST_F(growing_lane, commits_several_pieces_at_once) {
    auto const lane = make_lane();
    auto const first = push(*lane, call_json(1, 1) + call_json(2, 2));
    settle(*lane);
    EXPECT_EQ(database_->pieces, 1U);
    now_ += 40ms; // longer than a batch lingers that is not written ahead
    auto const second = push(*lane, call_json(3, 1) + call_json(4, 2));
    settle(*lane);
    auto const third = push(*lane, call_json(5, 1));
    settle(*lane);
    EXPECT_EQ(database_->pieces, 2U);
    EXPECT_EQ(database_->batches, 0U);
    EXPECT_FALSE(first->is_done);

    now_ += 51ms;
    settle(*lane);
    EXPECT_EQ(database_->batches, 1U);
    EXPECT_EQ(database_->calls.size(), 5U);
    for (auto const& each : {first, second, third}) {
        EXPECT_TRUE(each->outcome.durable);
    }
    EXPECT_EQ(lane->records_waiting(), 0U);
}

TEST_F(growing_lane, ends_a_batch_that_is_old_or_full_or_awaited) {
    auto const lane = make_lane(6);
    for (std::uint32_t number = 0; number < 100; number += 2) {
        push(*lane, call_json(number, 1) + call_json(number + 1, 2));
        settle(*lane);
        now_ += 30ms;
    }
    EXPECT_EQ(database_->batches, 100U / 6); // full

    auto const before = database_->batches;
    auto const large = make_lane(1000);
    for (std::uint32_t number = 200; number < 300; number += 2) {
        push(*large, call_json(number, 1) + call_json(number + 1, 2));
        settle(*large);
        now_ += 30ms;
    }
    EXPECT_EQ(database_->batches, before + 1); // old: 50 pushes took 1.5 s

    pace_ = growth::awaited;
    settle(*large);
    EXPECT_EQ(database_->batches, before + 2);
}

TEST_F(growing_lane, gives_memory_back_where_most_of_it_is) {
    auto const lane = make_lane();
    auto const first = push(*lane, call_json(1, 1) + call_json(2, 2));
    pace_ = growth::short_elsewhere;
    settle(*lane);
    now_ += 900ms; // not even when no more records come
    settle(*lane);
    EXPECT_FALSE(first->is_done);
    now_ += 101ms; // but no longer than it may grow
    settle(*lane);
    EXPECT_TRUE(first->outcome.durable);

    auto const second = push(*lane, call_json(3, 1) + call_json(4, 2));
    pace_ = growth::short_here;
    settle(*lane);
    EXPECT_TRUE(second->outcome.durable);
    EXPECT_EQ(database_->batches, 2U);
}

TEST_F(growing_lane, grows_not_at_all_if_it_may_not) {
    options_.grow_max = 0ms;
    auto const lane = make_lane();
    auto const pushed = push(*lane, call_json(1, 1) + call_json(2, 2));
    settle(*lane);
    EXPECT_FALSE(pushed->is_done);
    now_ += 6ms;
    settle(*lane);
    EXPECT_TRUE(pushed->outcome.durable);
    EXPECT_EQ(database_->pieces, 0U);
}

TEST_F(growing_lane, stores_the_usual_way_what_the_database_refuses_to_take_ahead) {
    auto const lane = make_lane();
    auto const good = push(*lane, call_json(1, 1) + call_json(2, 2), 1);
    settle(*lane);
    auto const bad = push(*lane, call_json(3, 1) + call_json(4, 2, "44666"), 2);
    for (int i = 0; i < 100; ++i) {
        now_ += 200ms;
        settle(*lane);
    }
    EXPECT_TRUE(good->outcome.durable);
    EXPECT_EQ(good->outcome.committed, 2U);
    EXPECT_EQ(bad->outcome.committed, 1U);
    EXPECT_EQ(bad->outcome.suspended, 1U);
    EXPECT_EQ(database_->calls.size(), 3U);
    EXPECT_EQ(database_->suspended, 1U);
}

// The first part of the batch is written ahead, the second needs another transaction.
TEST_F(growing_lane, lets_nothing_overtake_a_part_that_was_refused) {
    auto const lane = make_lane();
    database_->refuses_late = true;
    auto const first = push(*lane, call_json(1, 1) + call_json(2, 2, "44666"));
    settle(*lane);
    EXPECT_EQ(database_->pieces, 1U);
    database_->knows_days = false;
    auto const second = push(*lane, call_json(3, 1) + call_json(4, 1));
    for (int i = 0; i < 100; ++i) {
        now_ += 200ms;
        settle(*lane);
    }

    EXPECT_EQ(first->outcome, (ingest::block_outcome{true, 1, 0, 1}));
    EXPECT_EQ(second->outcome, (ingest::block_outcome{true, 2, 0, 0}));
    ASSERT_EQ(database_->order.size(), 3U);
    auto const id = ingest::to_string(ingest::uuid_v5(ingest::call_id_name_space, "call-1"));
    EXPECT_EQ(database_->order.front(), id);
}

// What they rest on may be lost, and their stream is read again.
TEST_F(growing_lane, rolls_back_what_came_before_the_database_went_back) {
    auto const lane = make_lane();
    auto const before = push(*lane, call_json(1, 1) + call_json(2, 2));
    settle(*lane);
    ++generation_;
    auto const after = push(*lane, call_json(3, 1));
    settle(*lane);
    now_ += 2s;
    settle(*lane);
    EXPECT_FALSE(before->outcome.durable);
    EXPECT_TRUE(after->outcome.durable);
    EXPECT_EQ(database_->calls.size(), 1U);
}

TEST_F(growing_lane, gives_up_what_it_has_written_when_it_ends) {
    auto lane = make_lane();
    auto const left = push(*lane, call_json(1, 1) + call_json(2, 2));
    settle(*lane);
    lane.reset();
    EXPECT_TRUE(left->is_done);
    EXPECT_FALSE(left->outcome.durable);
    EXPECT_TRUE(database_->calls.empty());
}

} // namespace
} // namespace tally::daemon
