#pragma once

#include "daemon/journal/feeder.hpp"

#include "tests/daemon/pipeline/memory_stores.hpp"
#include "tests/ingest/journal/crashing_disk.hpp"

#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <vector>

namespace tally::daemon::tests {

inline std::shared_ptr<ingest::source_table const> one_source() {
    std::vector<ingest::source> sources(1);
    sources.front().id = id_of(1);
    return std::make_shared<ingest::source_table>(std::move(sources));
}

/// Lanes that keep what they get until the test says what becomes of it.
class held_lanes final : public ingest::record_sink {
  public:
    ingest::push_status answer = ingest::push_status::pushed; ///< to a request for credit
    std::deque<std::unique_ptr<ingest::record_block>> blocks; ///< under way
    std::vector<std::uint64_t> first_records;                 ///< of all blocks that came
    std::size_t credit_taken = 0;

    ingest::push_status admit(std::size_t bytes) noexcept override {
        if (answer == ingest::push_status::pushed) {
            credit_taken += bytes;
        }
        return answer;
    }
    void release(std::size_t bytes) noexcept override { credit_taken -= bytes; }
    ingest::push_status push(std::unique_ptr<ingest::record_block>& block) override {
        first_records.push_back(block->stream_begin);
        blocks.push_back(std::move(block));
        return ingest::push_status::pushed;
    }
    [[nodiscard]] std::shared_ptr<ingest::source_table const> sources() const override {
        return sources_;
    }

    /// Ends the oldest block.
    void finish(bool is_durable = true) {
        auto const block = std::move(blocks.front());
        blocks.pop_front();
        release(block->admitted_bytes);
        block->on_done({.durable = is_durable, .committed = block->batch.received()});
    }
    void finish_all() {
        while (!blocks.empty()) {
            finish();
        }
    }

  private:
    std::shared_ptr<ingest::source_table const> sources_ = one_source();
};

/// What changes from test to test.
struct feeder_settings {
    std::chrono::seconds retain{0};
    std::uint64_t retain_bytes = UINT64_MAX;
    std::size_t removed_max = 100;
    bool skips_damage = false;
    std::uint64_t segment_bytes = 1 << 20;
    std::uint64_t journal_bytes = 1 << 26;
};

/// The journal's part of one run of the daemon, stepped by the test. The disk and the positions
/// outlast it.
struct feeder_run {
    feeder_run(ingest::journal_disk& disk, storage::position_store& positions,
               feeder_settings const& settings)
        : folder{"/journal", disk}, writer{{"/journal", ingest::uuid_v7(), settings.segment_bytes},
                                           disk},
          keeper{positions,
                 {[] { return std::vector<ingest::uuid>{}; },
                  [](std::span<ingest::uuid const> /*covered*/) {}},
                 {}} {
        auto earlier = folder.streams();
        std::uint64_t earlier_bytes = 0;
        for (auto const& stream : earlier) {
            earlier_bytes += stream.bytes;
        }
        pushes = std::make_unique<push_journal>(
            push_journal_options{settings.journal_bytes, 1 << 20, earlier_bytes}, writer,
            [] { return one_source(); },
            [](ingest::record_block& block) { decide_payers(block, *small_catalog()); },
            [this](journal_report const& report) { flush_error = report.error; });
        pushes->open();
        feeder = std::make_unique<journal_feeder>(
            journal_feeder::target{.lanes = lanes,
                                   .positions = positions,
                                   .keeper = keeper,
                                   .failures = failures,
                                   .catalog = [this] { return catalog; },
                                   .decisions = decisions,
                                   .forget_batches = [this] { ++times_forgotten; },
                                   .retain = settings.retain,
                                   .retain_bytes = settings.retain_bytes,
                                   .removed_max = settings.removed_max,
                                   .skips_damage = settings.skips_damage},
            folder, writer, *pushes, std::move(earlier));
    }

    /// Pushes so many calls of one account, and makes them durable.
    void push(int calls) {
        std::string text;
        for (int i = 0; i < calls; ++i) {
            text += call_json(next_call++, 1);
        }
        auto block = block_of(text);
        EXPECT_EQ(pushes->push(block), ingest::push_status::pushed);
        pushes->step(now);
    }
    /// Steps the feeder until nothing is due.
    void feed() {
        for (int steps = 0; steps < 10'000; ++steps) {
            if (feeder->step(now).wait > std::chrono::seconds{0}) {
                return;
            }
        }
        ADD_FAILURE() << "the feeder never rests: " << feeder->describe();
    }
    /// Steps the keeper of positions after a time in which everything is due, then the feeder.
    void keep() {
        now += std::chrono::seconds{3};
        keeper.step(now);
        feed();
    }
    [[nodiscard]] std::string name() const { return journal_feeder::stream_name(writer.stream()); }

    failure_report failures;
    ingest::journal_folder folder;
    ingest::journal_writer writer;
    position_keeper keeper;
    held_lanes lanes;
    last_commit decisions;
    std::shared_ptr<rating::catalog const> catalog = small_catalog();
    std::unique_ptr<push_journal> pushes;
    std::unique_ptr<journal_feeder> feeder;
    journal_feeder::clock::time_point now{std::chrono::hours{1}};
    int flush_error = 0; ///< of the last flush
    int times_forgotten = 0;
    int next_call = 0;
};

class feeder_fixture : public ::testing::Test {
  protected:
    using records = std::vector<std::uint64_t>;

    std::unique_ptr<feeder_run> start(feeder_settings const& settings = {}) {
        return std::make_unique<feeder_run>(disk, positions, settings);
    }
    /// A run that left so many pushes of one call each; the name of its stream.
    std::string earlier(int pushes, std::uint64_t segment_bytes = 1 << 20) {
        auto const run = start({.segment_bytes = segment_bytes});
        for (int i = 0; i < pushes; ++i) {
            run->push(1);
        }
        return run->name();
    }
    /// Of streams whose records are there, in the order of their runs.
    std::vector<std::string> kept_streams() {
        std::vector<std::string> kept;
        for (auto const& stream : ingest::journal_streams_in("/journal", disk)) {
            if (!stream.is_removed()) {
                kept.push_back(journal_feeder::stream_name(stream.id));
            }
        }
        return kept;
    }

    ingest::tests::crashing_disk disk{1};
    memory_positions positions;
};

} // namespace tally::daemon::tests
