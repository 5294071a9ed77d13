#include "daemon/pipeline/payer_decisions.hpp"

#include "daemon/pipeline/routed_block.hpp"
#include "tests/daemon/pipeline/memory_stores.hpp"

#include <gtest/gtest.h>

// Who pays for a record is decided once, however often it is read. No server.

namespace tally::daemon {
namespace {

using tests::block_of;
using tests::call_json;
using tests::id_of;
using blocks = std::vector<std::unique_ptr<ingest::record_block>>;

std::string calls_by_number(int begin, int end) {
    std::string text;
    for (int i = begin; i < end; ++i) {
        text += call_json(i, 0);
    }
    return text;
}

class payer_decisions_test : public ::testing::Test {
  protected:
    /// A run that decides by a catalog in which the number belongs to this account.
    payer_decisions run(int owner, std::uint64_t position = 0) {
        payer_decisions made{store_, "file",
                             [catalog = tests::small_catalog(owner)] { return catalog; }, chain_};
        EXPECT_TRUE(made.load(position).ok());
        return made;
    }
    static std::vector<int> owners(ingest::record_block const& block) {
        std::vector<int> found;
        for (auto const index : block.batch.cdr_index) {
            auto const* const payer = block.decided.of(index);
            found.push_back(payer == nullptr ? 0 : payer->account_id.bytes[15]);
        }
        return found;
    }
    static blocks of(std::unique_ptr<ingest::record_block> one) {
        blocks made;
        made.push_back(std::move(one));
        return made;
    }

    tests::memory_positions store_;
    last_commit chain_;
};

TEST_F(payer_decisions_test, hold_when_the_catalog_changes_between_two_runs) {
    auto const first = of(block_of(calls_by_number(0, 3)));
    EXPECT_TRUE(run(1).settle(first).ok());
    auto const again = of(block_of(calls_by_number(0, 3)));
    EXPECT_TRUE(run(2).settle(again).ok());
    EXPECT_EQ(owners(*again[0]), (std::vector<int>{1, 1, 1}));
    auto const later = of(block_of(calls_by_number(3, 4), 3));
    EXPECT_TRUE(run(2).settle(later).ok());
    EXPECT_EQ(owners(*later[0]), (std::vector<int>{2}));
}

TEST_F(payer_decisions_test, hold_in_blocks_that_are_cut_at_other_records) {
    blocks cut;
    cut.push_back(block_of(calls_by_number(0, 2), 0));
    cut.push_back(block_of(calls_by_number(2, 4), 2));
    EXPECT_TRUE(run(1).settle(cut).ok());
    for (int times = 0; times < 2; ++times) { // the run after it cuts as the first, or as this one
        blocks other;
        other.push_back(block_of(calls_by_number(0, 3), 0));
        other.push_back(block_of(calls_by_number(3, 6), 3));
        EXPECT_TRUE(run(2 + times).settle(other).ok());
        EXPECT_EQ(owners(*other[0]), (std::vector<int>{1, 1, 1}));
        EXPECT_EQ(owners(*other[1]), (std::vector<int>{1, 2, 2}));
    }
    auto const longer = of(block_of(calls_by_number(2, 8), 2));
    EXPECT_TRUE(run(3).settle(longer).ok());
    EXPECT_EQ(owners(*longer[0]), (std::vector<int>{1, 1, 2, 2, 3, 3}));
    auto const same = of(block_of(calls_by_number(2, 8), 2));
    EXPECT_TRUE(run(1).settle(same).ok());
    EXPECT_EQ(owners(*same[0]), (std::vector<int>{1, 1, 2, 2, 3, 3}));
}

TEST_F(payer_decisions_test, are_not_used_before_they_are_kept) {
    auto decisions = run(1);
    auto const block = of(block_of(calls_by_number(0, 1)));
    store_.is_away = true;
    EXPECT_FALSE(decisions.settle(block).ok());
    EXPECT_TRUE(block[0]->decided.empty());
    store_.is_away = false;
    EXPECT_TRUE(decisions.settle(block).ok());
    EXPECT_EQ(owners(*block[0]), (std::vector<int>{1}));
    EXPECT_EQ(store_.decisions.size(), 1U);
}

// The answer is lost, and the catalog changes before the next attempt.
TEST_F(payer_decisions_test, that_were_kept_without_an_answer_hold) {
    int owner = 1;
    payer_decisions decisions{store_, "file", [&owner] { return tests::small_catalog(owner); },
                              chain_};
    auto const block = of(block_of(calls_by_number(0, 1)));
    store_.loses_answers = true;
    EXPECT_FALSE(decisions.settle(block).ok());
    store_.loses_answers = false;
    owner = 2;
    EXPECT_TRUE(decisions.settle(block).ok());
    EXPECT_EQ(owners(*block[0]), (std::vector<int>{1}));
}

TEST_F(payer_decisions_test, are_not_asked_for_where_the_push_brings_its_own) {
    auto const catalog = tests::small_catalog(3);
    auto const block = of(block_of(calls_by_number(0, 1)));
    decide_payers(*block[0], *catalog);
    EXPECT_TRUE(run(1).settle(block).ok());
    EXPECT_EQ(owners(*block[0]), (std::vector<int>{3}));
    EXPECT_TRUE(store_.decisions.empty());
}

TEST(routed_block, is_durable_once_every_slice_with_records_is_finished) {
    ingest::block_outcome outcome;
    int times = 0;
    std::size_t released = 0;
    std::string text;
    for (int i = 0; i < 30; ++i) {
        text += call_json(i, 1 + i % 3);
    }
    for (bool const finishes_all : {true, false}) {
        auto block = block_of(text);
        block->admitted_bytes = 77;
        block->on_done = [&](auto const& each) {
            outcome = each;
            ++times;
        };
        auto routed = std::make_shared<routed_block>(std::move(block), tests::small_catalog(), 4,
                                                     [&](std::size_t bytes) { released += bytes; });
        std::vector<slice> slices;
        std::size_t records = 0;
        for (std::uint32_t lane = 0; lane < 4; ++lane) {
            if (!routed->indices_of(lane).empty()) {
                EXPECT_TRUE(std::ranges::is_sorted(routed->indices_of(lane)));
                records += routed->indices_of(lane).size();
                slices.emplace_back(routed, lane);
            }
        }
        EXPECT_EQ(records, 30U);
        routed.reset();
        for (std::size_t i = finishes_all ? 0 : 1; i < slices.size(); ++i) {
            auto const size = static_cast<std::uint32_t>(slices[i].indices().size());
            slices[i].finish({true, size, 0, 0});
        }
        slices.front().give_up(); // nothing, if it is finished
        slices.clear();
        EXPECT_EQ(outcome.durable, finishes_all);
        EXPECT_EQ(outcome.committed == 30U, finishes_all);
    }
    EXPECT_EQ(times, 2);
    EXPECT_EQ(released, 2 * 77U);
}

TEST(routed_block, sends_all_records_of_an_account_through_one_lane) {
    std::string text;
    for (int i = 0; i < 20; ++i) {
        text += call_json(i, 2);
    }
    auto const routed = std::make_shared<routed_block>(block_of(text), tests::small_catalog(), 5,
                                                       [](std::size_t) {});
    int lanes_used = 0;
    for (std::uint32_t lane = 0; lane < 5; ++lane) {
        lanes_used += routed->indices_of(lane).empty() ? 0 : 1;
        slice{routed, lane}.give_up();
    }
    EXPECT_EQ(lanes_used, 1);
}

} // namespace
} // namespace tally::daemon
