#include "daemon/pipeline/routed_block.hpp"

#include "tests/daemon/pipeline/memory_stores.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <optional>
#include <stdexcept>
#include <thread>

// A block that lanes share: who gets which records, and what is reported when the last one ends.

namespace tally::daemon {
namespace {

using ingest::block_outcome;
using tests::call_json;

class routed_block_test : public ::testing::Test {
  protected:
    /// Calls of these accounts.
    std::shared_ptr<routed_block> route(std::vector<int> const& accounts, std::uint32_t lanes) {
        std::string text;
        for (int i = 0; i < static_cast<int>(accounts.size()); ++i) {
            text += call_json(i, accounts[static_cast<std::size_t>(i)]);
        }
        auto block = tests::block_of(text);
        block->admitted_bytes = 77;
        block->on_done = [this](block_outcome const& outcome) {
            EXPECT_EQ(released_, 0U) << "the credit goes back last";
            EXPECT_FALSE(outcome_.has_value()) << "it is told once";
            outcome_ = outcome;
        };
        return std::make_shared<routed_block>(std::move(block), tests::small_catalog(), lanes,
                                              [this](std::size_t bytes) { released_ += bytes; });
    }

    std::optional<block_outcome> outcome_;
    std::size_t released_ = 0;
};

TEST_F(routed_block_test, gives_each_record_to_one_lane_and_those_of_an_account_to_the_same) {
    std::vector<int> const accounts{1, 2, 3, 1, 2, 3, 1, 2, 3};
    auto const block = route(accounts, 4);
    std::vector<std::uint32_t> all;
    std::map<int, std::set<std::uint32_t>> lanes_of;
    for (std::uint32_t lane = 0; lane < 4; ++lane) {
        auto const indices = block->indices_of(lane);
        EXPECT_TRUE(std::ranges::is_sorted(indices)) << "in order of arrival";
        for (auto const index : indices) {
            all.push_back(index);
            lanes_of[accounts[index]].insert(lane);
        }
    }
    for (std::uint32_t lane = 0; lane < 4; ++lane) {
        slice{block, lane}.give_up();
    }
    std::ranges::sort(all);
    EXPECT_EQ(all, (std::vector<std::uint32_t>{0, 1, 2, 3, 4, 5, 6, 7, 8}));
    for (auto const& [account, lanes] : lanes_of) {
        EXPECT_EQ(lanes.size(), 1U) << account;
    }
}

TEST_F(routed_block_test, is_done_with_its_last_slice) {
    auto block = route({1, 2}, 1);
    slice whole{block, 0};
    block.reset();
    EXPECT_FALSE(outcome_.has_value());
    whole.finish({true, 1, 1, 0});
    EXPECT_TRUE(whole.is_empty());
    EXPECT_EQ(outcome_, (block_outcome{true, 1, 1, 0}));
    EXPECT_EQ(released_, 77U);
}

TEST_F(routed_block_test, is_not_durable_when_a_slice_is_given_up) {
    auto block = route({1, 2, 3}, 3);
    std::vector<slice> slices;
    for (std::uint32_t lane = 0; lane < 3; ++lane) {
        slices.emplace_back(block, lane);
    }
    block.reset();
    auto const holder =
        std::ranges::find_if(slices, [](slice const& each) { return !each.indices().empty(); });
    ASSERT_NE(holder, slices.end());
    holder->give_up();
    EXPECT_TRUE(holder->is_empty());
    slices.erase(holder);
    for (auto& each : slices) {
        each.finish({true, static_cast<std::uint32_t>(each.indices().size()), 0, 0});
    }
    ASSERT_TRUE(outcome_.has_value());
    EXPECT_FALSE(outcome_->durable);
    EXPECT_EQ(released_, 77U);
}

// A lane that gets no record of a block gets no slice of it.
TEST_F(routed_block_test, a_slice_without_records_need_not_be_finished) {
    auto block = route({1, 1}, 3);
    std::vector<slice> slices;
    for (std::uint32_t lane = 0; lane < 3; ++lane) {
        if (!block->indices_of(lane).empty()) {
            slices.emplace_back(block, lane);
        }
    }
    block.reset();
    ASSERT_EQ(slices.size(), 1U);
    slices.front().finish({true, 2, 0, 0});
    EXPECT_EQ(outcome_, (block_outcome{true, 2, 0, 0}));
}

// A forgotten slice is a bug that would otherwise only delay records, and never be seen.
TEST_F(routed_block_test, asserts_that_no_slice_and_no_record_is_forgotten) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_DEATH(slice(route({1, 2}, 1), 0), "a slice is forgotten");
    EXPECT_DEATH(
        {
            slice share(route({1, 2}, 1), 0);
            share = slice{};
        },
        "a slice is forgotten");
    EXPECT_DEATH(route({1, 2}, 1).reset(), "records of a block are forgotten");
}

TEST_F(routed_block_test, is_not_durable_when_an_exception_takes_a_slice) {
    auto const fail = [this] {
        slice const share{route({1, 2}, 1), 0};
        throw std::runtime_error{"no memory"};
    };
    EXPECT_THROW(fail(), std::runtime_error);
    EXPECT_EQ(outcome_, block_outcome{});
    EXPECT_EQ(released_, 77U);
}

TEST_F(routed_block_test, an_empty_block_is_durable_at_once) {
    route({}, 2).reset();
    EXPECT_EQ(outcome_, (block_outcome{true, 0, 0, 0}));
}

TEST_F(routed_block_test, adds_up_what_many_lanes_finish_at_once) {
    constexpr std::uint32_t lanes = 4;
    std::vector<int> accounts;
    for (int i = 0; i < 400; ++i) {
        accounts.push_back(1 + i % 3);
    }
    for (int round = 0; round < 20; ++round) {
        outcome_.reset();
        released_ = 0;
        auto block = route(accounts, lanes);
        std::vector<std::thread> threads;
        for (std::uint32_t lane = 0; lane < lanes; ++lane) {
            threads.emplace_back([share = slice{block, lane}]() mutable {
                auto const records = static_cast<std::uint32_t>(share.indices().size());
                share.finish({true, records, 0, 0});
            });
        }
        block.reset();
        for (auto& thread : threads) {
            thread.join();
        }
        EXPECT_EQ(outcome_, (block_outcome{true, 400, 0, 0}));
        EXPECT_EQ(released_, 77U);
    }
}

} // namespace
} // namespace tally::daemon
