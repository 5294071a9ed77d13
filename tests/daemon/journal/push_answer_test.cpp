#include "daemon/journal/push_answer.hpp"

#include <gtest/gtest.h>

#include <optional>

namespace tally::daemon {
namespace {

using ingest::block_outcome;

class push_answer_test : public ::testing::Test {
  protected:
    push_answer waiting() {
        return push_answer{[this](block_outcome const& outcome) {
            EXPECT_FALSE(given_.has_value()) << "it is given once";
            given_ = outcome;
        }};
    }

    std::optional<block_outcome> given_;
};

TEST_F(push_answer_test, is_given_once) {
    auto answer = waiting();
    auto moved = std::move(answer);
    EXPECT_TRUE(moved);
    moved.give({.durable = true});
    EXPECT_FALSE(moved);
    moved.give_up();
    EXPECT_EQ(given_, (block_outcome{.durable = true}));
}

TEST_F(push_answer_test, is_not_durable_when_it_is_given_up) {
    waiting().give_up();
    EXPECT_EQ(given_, block_outcome{});
}

TEST_F(push_answer_test, asserts_that_no_sender_is_forgotten) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(waiting(), "a sender is forgotten");
    EXPECT_DEATH(
        {
            auto answer = waiting();
            answer = push_answer{};
        },
        "a sender is forgotten");
}

} // namespace
} // namespace tally::daemon
