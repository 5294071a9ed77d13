#include "tests/daemon/pipeline/stepped_lane.hpp"

// A lane that the test steps, with a database in memory: when it stores, and what waits for what.

namespace tally::daemon {
namespace {

using namespace std::chrono_literals;
using tests::block_of;
using tests::call_json;
using tests::stepped_lane;

TEST_F(stepped_lane, waits_for_more_records_as_long_as_it_may_linger) {
    auto const lane = make_lane();
    auto const first = push(*lane, call_json(1, 1));
    EXPECT_EQ(lane->step(now_).wait, 5ms);
    now_ += 4ms;
    auto const second = push(*lane, call_json(2, 1));
    EXPECT_EQ(lane->step(now_).wait, 1ms);
    EXPECT_FALSE(first->is_done);
    EXPECT_EQ(lane->records_waiting(), 2U);
    EXPECT_TRUE(lane->last_batch().get().is_nil());
    now_ += 1ms;
    settle(*lane);
    EXPECT_EQ(database_->batches, 1U);
    EXPECT_EQ(first->outcome, (ingest::block_outcome{true, 1, 0, 0}));
    EXPECT_TRUE(second->outcome.durable);
    EXPECT_EQ(lane->records_waiting(), 0U);
    EXPECT_FALSE(lane->last_batch().get().is_nil());
    lane->last_batch().forget();
    EXPECT_TRUE(lane->last_batch().get().is_nil());
}

// What they rest on may be lost, and their stream is read again.
TEST_F(stepped_lane, drops_what_came_before_the_database_went_back) {
    auto const lane = make_lane();
    auto const before = push(*lane, call_json(1, 1));
    EXPECT_EQ(lane->step(now_).wait, 5ms);
    ++generation_;
    auto const after = push(*lane, call_json(2, 1));
    now_ += 10ms;
    settle(*lane);
    now_ += 10ms;
    settle(*lane);
    EXPECT_TRUE(before->is_done);
    EXPECT_FALSE(before->outcome.durable);
    EXPECT_TRUE(after->outcome.durable);
    EXPECT_EQ(lane->records_waiting(), 0U);
    EXPECT_EQ(database_->batches, 1U);
}

TEST_F(stepped_lane, stores_a_full_batch_at_once) {
    auto const lane = make_lane(2);
    auto const first = push(*lane, call_json(1, 1));
    push(*lane, call_json(2, 1));
    auto const third = push(*lane, call_json(3, 1));
    settle(*lane);
    EXPECT_TRUE(first->outcome.durable);
    EXPECT_EQ(database_->batches, 1U);
    EXPECT_FALSE(third->is_done) << "it opens the next batch";
}

TEST_F(stepped_lane, stores_what_is_left_when_it_is_closed_and_ends) {
    auto const lane = make_lane();
    auto const last = push(*lane, call_json(1, 1));
    lane->close();
    settle(*lane);
    EXPECT_TRUE(last->outcome.durable);
    EXPECT_TRUE(lane->step(now_).is_over);
    EXPECT_FALSE(push(*lane, call_json(2, 1))->outcome.durable);
}

TEST_F(stepped_lane, suspends_the_record_that_the_database_names) {
    database_->names_rows = true;
    auto const lane = make_lane();
    auto const block = push(*lane, call_json(1, 1) + call_json(2, 1, "44666") + call_json(3, 2));
    now_ += 5ms;
    lane->step(now_);
    now_ += 5ms;
    settle(*lane);
    EXPECT_EQ(block->outcome, (ingest::block_outcome{true, 2, 0, 1}));
    EXPECT_EQ(database_->refused, 1U);
    EXPECT_EQ(database_->suspended, 1U);
}

// One sender's bad records are searched a few attempts per second; the records of others go on.
TEST_F(stepped_lane, holds_up_no_other_records_while_it_searches_for_bad_ones) {
    auto const lane = make_lane();
    std::string many;
    for (int i = 0; i < 64; ++i) {
        many += call_json(i, 1, i % 4 == 0 ? "44666" : "4420");
    }
    auto const bad = push(*lane, many, 2);
    auto const good = push(*lane, call_json(100, 1), 3);
    push(*lane, call_json(101, 2), 4);
    lane->step(now_);
    now_ += 5ms;
    settle(*lane);
    EXPECT_EQ(database_->calls.size(), 2U) << "those of the two others";
    EXPECT_EQ(good->outcome, (ingest::block_outcome{true, 1, 0, 0})) << "its sender does not wait";
    EXPECT_EQ(lane->records_waiting(), 64U);
    EXPECT_FALSE(bad->is_done);
    auto const refused = database_->refused;
    EXPECT_LE(refused, 2U + 8U) << "the batch, the part of its source, and the budget";
    settle(*lane);
    EXPECT_EQ(database_->refused, refused) << "the budget is used up";

    auto const later = push(*lane, call_json(102, 1), 3);
    lane->step(now_);
    now_ += 5ms;
    settle(*lane);
    EXPECT_TRUE(later->outcome.durable);
    EXPECT_FALSE(bad->is_done);

    for (int seconds = 0; seconds < 60 && !bad->is_done; ++seconds) {
        now_ += 1s;
        auto const before = database_->refused;
        settle(*lane);
        EXPECT_LE(database_->refused - before, 8U);
    }
    EXPECT_EQ(bad->outcome, (ingest::block_outcome{true, 48, 0, 16}));
    EXPECT_EQ(database_->suspended, 16U);
}

// A batch that is refused without a name is tried by source, and each of them may have a bad
// record.
TEST_F(stepped_lane, searches_the_records_of_many_senders_within_one_budget) {
    auto const lane = make_lane(1000);
    constexpr std::uint8_t senders = 60;
    std::vector bad{push(*lane, call_json(1, 1, "44666"), 1)};
    for (std::uint8_t sender = 2; sender <= senders; ++sender) {
        bad.push_back(push(*lane, call_json(sender, 1, "44666"), sender));
    }
    auto const good = push(*lane, call_json(100, 1), senders + 1);
    lane->step(now_);
    now_ += 5ms;
    settle(*lane);
    EXPECT_LE(database_->refused, 1U + 8U) << "the batch, and the budget";

    // What another sender sends next does not wait for them.
    auto const later = push(*lane, call_json(101, 1), senders + 2);
    lane->step(now_);
    now_ += 5ms;
    settle(*lane);
    EXPECT_TRUE(later->outcome.durable);

    auto const is_over = [&] {
        return good->is_done &&
               std::ranges::all_of(bad, [](auto const& each) { return each->is_done; });
    };
    for (int seconds = 0; seconds < 60 && !is_over(); ++seconds) {
        now_ += 1s;
        auto const before = database_->refused;
        settle(*lane);
        EXPECT_LE(database_->refused - before, 8U);
    }
    EXPECT_EQ(good->outcome, (ingest::block_outcome{true, 1, 0, 0}));
    EXPECT_EQ(bad.back()->outcome, (ingest::block_outcome{true, 0, 0, 1}));
    EXPECT_EQ(database_->suspended, senders);
}

TEST_F(stepped_lane, keeps_its_budget_while_one_sender_goes_on_with_bad_records) {
    for (bool const names_rows : {true, false}) {
        SCOPED_TRACE(names_rows);
        *database_ = {};
        database_->names_rows = names_rows;
        auto const lane = make_lane();
        std::size_t late = 0;
        int number = 0;
        for (auto const end = now_ + 10s; now_ < end; now_ += 20ms) {
            push(*lane, call_json(++number, 1, "44666"), 1);
            auto const good = push(*lane, call_json(++number, 2), 2);
            lane->step(now_);
            now_ += 5ms;
            settle(*lane);
            late += good->outcome.durable ? 0U : 1U;
        }
        EXPECT_LE(database_->refused, 10U * 8U + 8U + 8U);
        EXPECT_LE(late, 8U) << "those that shared a batch with a sender that was not known yet";
    }
}

// More bad records than the budget finds would otherwise take the credit of all senders.
TEST_F(stepped_lane, suspends_what_waits_aside_when_it_holds_too_much_credit) {
    aside_bytes_max_ = 16 * block_bytes;
    for (bool const names_rows : {true, false}) {
        SCOPED_TRACE(names_rows);
        *database_ = {};
        database_->names_rows = names_rows;
        auto const lane = make_lane();
        std::vector<std::shared_ptr<fate>> bad;
        std::size_t late = 0;
        int number = 0;
        for (auto const end = now_ + 10s; now_ < end; now_ += 15ms) {
            std::string mixed;
            for (int i = 0; i < 4; ++i) {
                mixed += call_json(++number, 1, i == 0 ? "4420" : "44666");
            }
            bad.push_back(push(*lane, mixed, 1));
            auto const good = push(*lane, call_json(++number, 2), 2);
            lane->step(now_);
            now_ += 5ms;
            settle(*lane);
            late += good->outcome.durable ? 0U : 1U;
            ASSERT_LE(bytes_held_, aside_bytes_max_ + 2 * block_bytes);
        }
        EXPECT_LE(database_->refused, 10U * 8U + 8U + 8U);
        EXPECT_LE(late, 8U) << "those that shared a batch with a sender that was not known yet";

        // The flow ends: all that is left has a fate, and each bad record is suspended once.
        for (int seconds = 0; seconds < 600 && bytes_held_ > 0; ++seconds) {
            now_ += 1s;
            settle(*lane);
        }
        ingest::block_outcome sum;
        for (auto const& each : bad) {
            EXPECT_TRUE(each->outcome.durable);
            sum.committed += each->outcome.committed;
            sum.suspended += each->outcome.suspended;
        }
        EXPECT_EQ(sum.committed + sum.suspended, 4 * bad.size());
        EXPECT_GE(sum.suspended, 3 * bad.size());
        EXPECT_EQ(database_->suspended, sum.suspended);

        // Found one by one as far as the budget goes, and the rest without a search.
        auto& reasons = database_->suspended_by_reason;
        EXPECT_GT(reasons[ingest::record_error::refused_together], sum.suspended / 2);
        EXPECT_GT(reasons[ingest::record_error::database_refused], 0U);
        EXPECT_EQ(reasons.size(), 2U);
    }
}

// A bad record now and then does not tie a sender to one that sends nothing else.
TEST_F(stepped_lane, gives_each_sender_aside_its_turn) {
    aside_bytes_max_ = 64 * block_bytes;
    auto const lane = make_lane();
    std::vector<std::shared_ptr<fate>> rarely_bad;
    int number = 0;
    for (auto const end = now_ + 10s; now_ < end; now_ += 15ms) {
        push(*lane, call_json(++number, 1, "44666"), 1);
        bool const is_bad = rarely_bad.size() % 100 == 50;
        rarely_bad.push_back(push(*lane, call_json(++number, 2, is_bad ? "44666" : "4420"), 2));
        lane->step(now_);
        now_ += 5ms;
        settle(*lane);
    }
    std::size_t suspended = 0;
    std::size_t late = 0;
    for (auto const& each : rarely_bad) {
        suspended += each->outcome.suspended;
        late += each->is_done ? 0U : 1U;
    }
    EXPECT_EQ(suspended, 5U) << "its bad records and no other";
    EXPECT_LE(late, 25U) << "what came within half a second";
}

// One large block holds much, but no more than when it came: its good records are found.
TEST_F(stepped_lane, searches_one_large_block_to_the_end) {
    aside_bytes_max_ = block_bytes / 2;
    auto const lane = make_lane();
    std::string many;
    for (int i = 0; i < 64; ++i) {
        many += call_json(i, 1, i % 4 == 0 ? "44666" : "4420");
    }
    auto const block = push(*lane, many);
    for (int seconds = 0; seconds < 60 && !block->is_done; ++seconds) {
        now_ += 1s;
        settle(*lane);
    }
    EXPECT_EQ(block->outcome, (ingest::block_outcome{true, 48, 0, 16}));
}

TEST_F(stepped_lane, leaves_its_blocks_not_durable_when_it_gives_up) {
    auto lane = make_lane();
    auto const first = push(*lane, call_json(1, 1));
    lane->step(now_);
    auto const second = push(*lane, call_json(2, 1));
    database_->is_away = true;
    lane->give_up();
    now_ += 5ms;
    EXPECT_TRUE(lane->step(now_).is_over);
    EXPECT_TRUE(lane->last_batch().get().is_nil());
    lane.reset();
    EXPECT_TRUE(first->is_done);
    EXPECT_FALSE(first->outcome.durable);
    EXPECT_FALSE(second->outcome.durable);
    EXPECT_TRUE(database_->calls.empty());
}

} // namespace
} // namespace tally::daemon
