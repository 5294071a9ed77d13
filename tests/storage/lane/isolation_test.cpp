#include "storage/lane/isolation.hpp"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace tally::storage {
namespace {

using namespace std::chrono_literals;

class isolation : public ::testing::Test {
  protected:
    isolation() {
        for (std::size_t i = 0; i < sources_.size(); ++i) {
            sources_[i].id.bytes[15] = static_cast<std::uint8_t>(i);
        }
    }
    std::vector<batch_entry> entries(std::vector<std::size_t> const& senders) {
        std::vector<batch_entry> made(senders.size());
        for (std::uint32_t i = 0; i < made.size(); ++i) {
            made[i].source = &sources_[senders[i]];
            made[i].owner = i;
        }
        return made;
    }
    std::array<ingest::source, 3> sources_;
};

TEST_F(isolation, frees_the_sources_of_which_none_is_suspected) {
    auto all = entries({2, 0, 2, 1, 0});
    auto const divided = divide(all, &all[3]);
    ASSERT_EQ(divided.suspect.size(), 1U);
    ASSERT_EQ(divided.innocent.size(), 2U);
    EXPECT_EQ(divided.suspect[0][0].owner, 3U);
    EXPECT_EQ(divided.innocent[0][0].owner, 1U);
    EXPECT_EQ(divided.innocent[0][1].owner, 4U) << "in their order";
}

TEST_F(isolation, tries_each_source_by_itself_when_none_is_named) {
    auto all = entries({1, 0, 1});
    auto const divided = divide(all, nullptr);
    EXPECT_EQ(divided.innocent.size(), 2U);
    EXPECT_TRUE(divided.suspect.empty());
}

TEST_F(isolation, halves_a_source_unless_the_bad_entry_is_named) {
    auto all = entries({1, 1, 1});
    auto const halves = divide(all, nullptr);
    ASSERT_EQ(halves.suspect.size(), 2U);
    EXPECT_EQ(halves.suspect[0].size() + halves.suspect[1].size(), 3U);
    EXPECT_EQ(divide(all, &all[1]).suspect.size(), 1U);
    EXPECT_EQ(divide(std::span{all}.first(1), nullptr).suspect.size(), 1U);
}

TEST(failure_budget, allows_a_few_at_once_and_then_so_many_per_second) {
    failure_budget budget{2, 4};
    failure_budget::clock::time_point now{1h};
    EXPECT_TRUE(budget.allows(now));
    budget.spend(now);
    budget.spend(now);
    EXPECT_FALSE(budget.allows(now));
    EXPECT_EQ(budget.wait(now), 250ms);
    EXPECT_TRUE(budget.allows(now + 250ms));
    budget.spend(now + 250ms);
    EXPECT_EQ(budget.wait(now + 300ms), 200ms);
    EXPECT_EQ(budget.wait(now + 1h), 0ms);
}

} // namespace
} // namespace tally::storage
