#include "daemon/pipeline/pipeline.hpp"

#include "tests/daemon/pipeline/memory_stores.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <string>

// How long lanes let their batches grow, by the memory of all: two lanes that the test steps.

namespace tally::daemon {
namespace {

using namespace std::chrono_literals;
using tests::block_of;
using tests::call_json;
using tests::silent_observer;

class pace : public ::testing::Test {
  protected:
    pace() {
        sink_.set_catalog(catalog_);
        sink_.close_batches_early_when([this] { return is_awaited_; });
    }
    /// Calls of one account, which take so much of the memory.
    void push(int account, int calls, std::size_t bytes) {
        std::string text;
        for (int i = 0; i < calls; ++i) {
            text += call_json(++number_, account);
        }
        auto block = block_of(text);
        block->admitted_bytes = bytes;
        ASSERT_EQ(sink_.admit(bytes), ingest::push_status::pushed);
        ASSERT_EQ(sink_.push(block), ingest::push_status::pushed);
    }
    void settle() {
        for (std::uint32_t i = 0; i < sink_.lanes(); ++i) {
            for (int steps = 0; steps < 100; ++steps) {
                if (sink_.lane_at(i).step(now_).wait > 0ms) {
                    break;
                }
            }
        }
    }
    [[nodiscard]] std::size_t stored() const { return database_->calls.size(); }

    std::shared_ptr<rating::catalog const> catalog_ = tests::small_catalog();
    std::shared_ptr<tests::memory_batches::state> database_ =
        std::make_shared<tests::memory_batches::state>();
    silent_observer observer_;
    failure_report failures_;
    bool is_awaited_ = false;
    int number_ = 0;
    lane::clock::time_point now_{1h};
    pipeline sink_{
        {.lanes = 16,
         .memory_bytes_max = 1000,
         .piece_rows = 2,
         .grow_max = 1000ms,
         .import_id = {}},
        [this](std::uint32_t) { return std::make_unique<tests::memory_batches>(database_); },
        observer_,
        failures_};
};

TEST_F(pace, batches_grow_while_there_is_memory) {
    push(1, 4, 400);
    push(2, 2, 400);
    settle();
    EXPECT_EQ(database_->pieces, 2U);
    EXPECT_EQ(stored(), 0U);
    now_ += 101ms; // no more records come
    settle();
    EXPECT_EQ(stored(), 6U);
}

TEST_F(pace, the_largest_batch_ends_when_memory_is_short) {
    push(1, 40, 500);
    push(2, 2, 450);
    settle();
    EXPECT_EQ(stored(), 40U) << "the large one";
    EXPECT_EQ(database_->batches, 1U);

    // Now there is memory again, and the small one may wait for more.
    settle();
    EXPECT_EQ(stored(), 40U);
    now_ += 101ms;
    settle();
    EXPECT_EQ(stored(), 42U);
}

TEST_F(pace, of_batches_of_one_size_one_ends_when_memory_is_short) {
    push(1, 2, 450);
    push(2, 2, 450);
    settle();
    EXPECT_EQ(stored(), 2U) << "the first one gives enough memory back for the other";
}

TEST_F(pace, every_batch_ends_when_a_sender_waits_for_it) {
    push(1, 4, 100);
    push(2, 2, 100);
    is_awaited_ = true;
    settle();
    EXPECT_EQ(stored(), 6U);
}

} // namespace
} // namespace tally::daemon
