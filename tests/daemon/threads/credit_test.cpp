#include "daemon/threads/credit.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

namespace tally::daemon {
namespace {

TEST(credit, grants_up_to_its_limit) {
    credit budget{100};
    EXPECT_TRUE(budget.take(60));
    EXPECT_FALSE(budget.take(41));
    EXPECT_TRUE(budget.take(40));
    EXPECT_EQ(budget.used(), 100);
    budget.give_back(60);
    EXPECT_EQ(budget.used(), 40);
    EXPECT_TRUE(budget.take(60));
}

TEST(credit, grants_a_request_above_its_limit_only_when_nothing_is_under_way) {
    credit budget{100};
    ASSERT_TRUE(budget.take(1));
    EXPECT_FALSE(budget.take(500));
    budget.give_back(1);
    EXPECT_TRUE(budget.take(500));
    EXPECT_FALSE(budget.take(1));
    budget.give_back(500);
    EXPECT_EQ(budget.used(), 0);
}

TEST(credit, is_never_exceeded_by_threads_that_take_at_once) {
    credit budget{5};
    std::atomic<int> held{0};
    std::atomic<int> granted{0};
    std::atomic<bool> exceeded{false};
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
            for (int round = 0; round < 20'000; ++round) {
                if (!budget.take(2)) {
                    continue;
                }
                ++granted;
                exceeded = exceeded || (held += 2) > 5;
                held -= 2;
                budget.give_back(2);
            }
        });
    }
    for (auto& thread : threads) {
        thread.join();
    }
    EXPECT_FALSE(exceeded);
    EXPECT_GT(granted, 0);
    EXPECT_EQ(budget.used(), 0);
}

} // namespace
} // namespace tally::daemon
