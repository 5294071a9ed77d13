#pragma once

#include "daemon/pipeline/lane.hpp"
#include "tests/daemon/pipeline/memory_stores.hpp"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace tally::daemon::tests {

/// A lane that the test steps, with a database in memory.
class stepped_lane : public ::testing::Test {
  protected:
    struct fate {
        bool is_done = false;
        ingest::block_outcome outcome;
    };
    std::unique_ptr<lane> make_lane(std::size_t rows_max = 100) {
        auto options = options_;
        options.daemon_id = ingest::uuid_v7();
        options.batch_rows_max = rows_max;
        options.aside_bytes_max = aside_bytes_max_;
        options.generation = &generation_;
        return std::make_unique<lane>(options, std::make_unique<memory_batches>(database_),
                                      observer_, failures_);
    }
    /// Pushes calls of one sender; what becomes of them.
    std::shared_ptr<fate> push(lane& target, std::string const& text, std::uint8_t sender = 1) {
        auto outcome = std::make_shared<fate>();
        auto block = block_of(text, 0, sender);
        block->on_done = [outcome](auto const& each) { *outcome = {true, each}; };
        block->admitted_bytes = block_bytes;
        bytes_held_ += block_bytes;
        slice share{std::make_shared<routed_block>(
                        std::move(block), catalog_, 1,
                        [this](std::size_t bytes) { bytes_held_ -= bytes; }, generation_),
                    0};
        if (!target.push(std::move(share))) {
            share.give_up(); // NOLINT(bugprone-use-after-move): a refused one stays here
        }
        return outcome;
    }
    /// Steps until the lane waits. The time does not pass.
    void settle(lane& target) {
        for (int steps = 0; steps < 1000; ++steps) {
            auto const next = target.step(now_);
            if (next.is_over || next.wait > lane::clock::duration::zero()) {
                return;
            }
        }
        ADD_FAILURE() << "the lane does not come to rest";
    }

    lane_options options_;
    static constexpr std::size_t block_bytes = 1024;
    std::size_t aside_bytes_max_ = SIZE_MAX;
    std::size_t bytes_held_ = 0; ///< of blocks that are not done
    std::shared_ptr<memory_batches::state> database_ = std::make_shared<memory_batches::state>();
    std::shared_ptr<rating::catalog const> catalog_ = small_catalog();
    silent_observer observer_;
    failure_report failures_;
    std::atomic<std::uint64_t> generation_{0};
    lane::clock::time_point now_{std::chrono::hours{1}};
};

} // namespace tally::daemon::tests
