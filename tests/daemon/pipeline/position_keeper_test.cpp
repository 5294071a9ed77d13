#include "daemon/pipeline/position_keeper.hpp"

#include "tests/daemon/pipeline/memory_stores.hpp"

#include <gtest/gtest.h>

#include <functional>

// What is stored of a stream, and when its position follows. No server.

namespace tally::daemon {
namespace {

using namespace std::chrono_literals;
using tests::id_of;

TEST(stored_prefix, passes_a_block_once_all_before_it_are_stored) {
    stored_prefix prefix{10};
    auto const a = prefix.begin(10, 12);
    auto const b = prefix.begin(12, 15);
    auto const c = prefix.begin(15, 16);
    prefix.finish(b);
    EXPECT_EQ(prefix.below(), 10U);
    prefix.finish(a);
    EXPECT_EQ(prefix.below(), 15U);
    auto const d = prefix.begin(16, 20);
    prefix.finish(d);
    prefix.finish(c);
    EXPECT_EQ(prefix.below(), 20U);
}

TEST(stored_prefix, never_passes_a_block_that_was_given_up) {
    stored_prefix prefix{0};
    static_cast<void>(prefix.begin(0, 1));
    prefix.finish(prefix.begin(1, 2));
    EXPECT_EQ(prefix.below(), 0U);
}

TEST(stored_prefix, stops_at_a_gap_until_it_is_settled) {
    stored_prefix prefix{3};
    prefix.finish(prefix.begin(5, 6));
    EXPECT_EQ(prefix.below(), 3U);
    prefix.settle(4);
    EXPECT_EQ(prefix.below(), 4U);
    prefix.settle(5);
    EXPECT_EQ(prefix.below(), 6U);
    prefix.settle(2);
    EXPECT_EQ(prefix.below(), 6U) << "it does not go back";
}

TEST(stored_prefix, begins_within_a_block_that_an_earlier_run_has_stored_a_part_of) {
    stored_prefix prefix{7};
    prefix.finish(prefix.begin(5, 9));
    EXPECT_EQ(prefix.below(), 9U);
}

class position_keeper_test : public ::testing::Test {
  protected:
    std::shared_ptr<kept_position> watch(std::uint64_t position = 0) {
        auto kept = std::make_shared<kept_position>("file", position);
        kept->on_committed = [this](std::uint64_t committed) { reported_.push_back(committed); };
        position_keeper_.watch({kept});
        return kept;
    }
    static void store(kept_position& kept, std::uint64_t begin, std::uint64_t end) {
        kept.prefix.finish(kept.prefix.begin(begin, end));
    }
    position_keeper::clock::duration step(std::chrono::milliseconds passed = 1ms) {
        now_ += passed;
        return position_keeper_.step(now_);
    }

    std::vector<ingest::uuid> last_batches() {
        if (reader_) {
            reader_();
        }
        return batches_;
    }

    tests::memory_positions store_;
    std::vector<ingest::uuid> batches_;
    std::function<void()> reader_; ///< acts between the prefixes and the batches of a step
    position_keeper position_keeper_{
        store_, {[this] { return last_batches(); }, [](std::span<ingest::uuid const>) {}}, {}};
    position_keeper::clock::time_point now_{1h};
    std::vector<std::uint64_t> reported_;
};

TEST_F(position_keeper_test, moves_a_position_behind_what_is_stored) {
    auto const kept = watch();
    static_cast<void>(kept->prefix.begin(0, 3));
    step();
    EXPECT_EQ(kept->committed, 0U);
    kept->prefix.finish(0);
    EXPECT_EQ(step(), 50ms);
    EXPECT_EQ(kept->committed, 3U);
    EXPECT_EQ(store_.positions["file"], 3U);
    EXPECT_EQ(reported_, (std::vector<std::uint64_t>{3}));
    auto const moves = store_.moves;
    step();
    EXPECT_EQ(store_.moves, moves) << "there is nothing to write, and no check is due";
    step(2s);
    EXPECT_EQ(store_.moves, moves + 1) << "a check is due";
}

TEST_F(position_keeper_test, does_not_move_past_a_batch_that_is_not_there) {
    auto const kept = watch();
    store(*kept, 0, 3);
    batches_ = {id_of(1), id_of(2)};
    store_.batches_lost = {id_of(2)};
    step();
    EXPECT_TRUE(position_keeper_.has_lost());
    EXPECT_EQ(kept->committed, 0U);
    EXPECT_EQ(store_.positions.count("file"), 0U);
    auto const moves = store_.moves;
    step(5s);
    EXPECT_EQ(store_.moves, moves) << "until the next watch()";
    batches_.clear();
    auto const again = watch();
    EXPECT_FALSE(position_keeper_.has_lost());
    store(*again, 0, 3);
    step();
    EXPECT_EQ(again->committed, 3U);
}

// After a loss the reader makes the lanes forget their batches. Between its two calls a step of
// before would find no batch to prove, and move the position past records that are not there.
TEST_F(position_keeper_test, moves_nothing_of_before_while_the_reader_begins_again) {
    auto const kept = watch();
    store(*kept, 0, 3);
    batches_ = {id_of(1)};
    store_.batches_lost = {id_of(1)};
    step();
    ASSERT_TRUE(position_keeper_.has_lost());
    reader_ = [this] {
        batches_.clear();
        position_keeper_.watch({});
    };
    step(5s);
    EXPECT_EQ(kept->committed, 0U);
    EXPECT_EQ(store_.positions.count("file"), 0U);
}

TEST_F(position_keeper_test, notices_a_lower_position_though_nothing_is_pushed) {
    store_.positions["file"] = 5;
    auto const kept = watch(5);
    step();
    store_.positions["file"] = 4;
    step(1s);
    EXPECT_FALSE(position_keeper_.has_lost()) << "no check is due yet";
    step(2s);
    EXPECT_TRUE(position_keeper_.has_lost());
}

TEST_F(position_keeper_test, takes_a_higher_position_for_one_that_was_settled) {
    store_.positions["file"] = 5;
    auto const kept = watch(5);
    store(*kept, 8, 9); // 5 to 7 are missing
    step();
    EXPECT_EQ(kept->committed, 5U);
    store_.positions["file"] = 8;
    step(2s);
    EXPECT_FALSE(position_keeper_.has_lost());
    step();
    EXPECT_EQ(kept->committed, 9U);
    EXPECT_EQ(store_.positions["file"], 9U);
}

TEST_F(position_keeper_test, tries_again_while_the_database_is_away) {
    auto const kept = watch();
    store(*kept, 0, 3);
    store_.is_away = true;
    EXPECT_EQ(step(), 1s);
    EXPECT_FALSE(position_keeper_.is_current());
    EXPECT_FALSE(position_keeper_.has_lost());
    store_.is_away = false;
    step();
    EXPECT_TRUE(position_keeper_.is_current());
    EXPECT_EQ(kept->committed, 3U);
}

TEST_F(position_keeper_test, asks_no_more_for_a_stream_that_was_removed) {
    store_.positions["file"] = 5;
    auto const kept = watch(5);
    position_keeper_.unwatch(kept);
    store_.positions.clear();
    step(3s);
    EXPECT_FALSE(position_keeper_.has_lost());
    EXPECT_EQ(store_.moves, 0);
}

} // namespace
} // namespace tally::daemon
