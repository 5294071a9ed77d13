#include "daemon/threads/closable_queue.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <memory>
#include <thread>
#include <vector>

namespace tally::daemon {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

TEST(closable_queue, keeps_the_order_of_a_producer) {
    closable_queue<int> queue;
    EXPECT_TRUE(queue.is_empty());
    for (int number = 0; number < 3; ++number) {
        ASSERT_TRUE(queue.push(int{number}));
    }
    EXPECT_FALSE(queue.is_empty());
    for (int number = 0; number < 3; ++number) {
        int item = -1;
        ASSERT_TRUE(queue.pop(item, milliseconds{0}));
        EXPECT_EQ(item, number);
    }
    EXPECT_TRUE(queue.is_empty());
}

TEST(closable_queue, pop_leaves_the_item_alone_when_there_is_none) {
    closable_queue<int> queue;
    int item = 7;
    EXPECT_FALSE(queue.pop(item, milliseconds{0}));
    EXPECT_EQ(item, 7);
}

TEST(closable_queue, gives_out_what_it_holds_after_close_and_takes_no_more) {
    closable_queue<std::unique_ptr<int>> queue;
    ASSERT_TRUE(queue.push(std::make_unique<int>(1)));
    EXPECT_FALSE(queue.closed());
    queue.close();
    EXPECT_TRUE(queue.closed());

    auto refused = std::make_unique<int>(2);
    EXPECT_FALSE(queue.push(std::move(refused)));
    ASSERT_NE(refused, nullptr); // the caller keeps it
    EXPECT_EQ(*refused, 2);

    std::unique_ptr<int> item;
    ASSERT_TRUE(queue.pop(item, milliseconds{0}));
    EXPECT_EQ(*item, 1);
    EXPECT_FALSE(queue.pop(item, milliseconds{0}));
    EXPECT_TRUE(queue.is_empty());
}

TEST(closable_queue, wakes_a_consumer_that_waits) {
    closable_queue<int> queue;
    int item = 0;
    std::thread consumer{[&] { EXPECT_TRUE(queue.pop(item, seconds{60})); }};
    EXPECT_TRUE(queue.push(5));
    consumer.join();
    EXPECT_EQ(item, 5);
}

TEST(closable_queue, hands_each_item_of_many_producers_over_once_and_in_their_order) {
    constexpr int producers = 4;
    constexpr int items_each = 2'000;
    closable_queue<std::unique_ptr<int>> queue;
    std::vector<std::thread> threads;
    for (int producer = 0; producer < producers; ++producer) {
        threads.emplace_back([&queue, producer] {
            for (int number = 0; number < items_each; ++number) {
                EXPECT_TRUE(queue.push(std::make_unique<int>(producer * items_each + number)));
            }
        });
    }

    std::vector<int> next(producers, 0);
    std::unique_ptr<int> item;
    for (int taken = 0; taken < producers * items_each; ++taken) {
        ASSERT_TRUE(queue.pop(item, seconds{60}));
        auto const producer = static_cast<std::size_t>(*item / items_each);
        EXPECT_EQ(*item % items_each, next[producer]++);
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_TRUE(queue.is_empty());
}

} // namespace
} // namespace tally::daemon
