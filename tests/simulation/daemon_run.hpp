#pragma once

#include "tests/simulation/world.hpp"

#include <spdlog/spdlog.h>

#include <cstdint>
#include <memory>
#include <set>
#include <vector>

namespace tally::simulation {

inline constexpr char const* journal_path = "/journal";

/// For --seed: why lanes repeat their batches.
class tracing_observer final : public storage::lane_observer {
  public:
    void stored(storage::stored_batch const&) override {}
    void retried(std::string_view reason, storage::result const& status) override {
        spdlog::info("sim retry {} {}", reason, status.detail);
    }
};

/// The objects of one run of the daemon. Its threads would only step them.
struct world::daemon_run {
    explicit daemon_run(world& owner)
        : folder{journal_path, owner.disk_},
          owned_lanes{std::make_unique<daemon::pipeline>(
              daemon::pipeline_options{
                  .lanes = owner.lanes_,
                  .memory_bytes_max = owner.memory_bytes_,
                  .aside_bytes_max = owner.random_() % 2 == 0
                                         ? static_cast<std::size_t>(owner.memory_bytes_ >>
                                                                    (2 + owner.random_() % 4))
                                         : SIZE_MAX,
                  .batch_rows_max = 1 + owner.random_() % 6,
                  .linger_max = std::chrono::milliseconds{owner.random_() % 20},
                  .piece_rows = owner.random_() % 2 == 0 ? 1 + owner.random_() % 3 : 8192,
                  .key_sets = 4,
                  .grow_max = std::chrono::milliseconds{owner.random_() % 100},
                  .import_id = {},
                  .pause =
                      [&owner](std::chrono::milliseconds) {
                          return owner.pause(owner.daemon_process_);
                      }},
              [&owner](std::uint32_t) {
                  auto store = std::make_unique<model_store>(owner.server_, owner.faults_);
                  store->names_rows = owner.chance(500);
                  return store;
              },
              observer, failures)},
          lanes{*owned_lanes}, sink{lanes, owner.memory_bytes_, "lanes",
                                    [&owner](ingest::record_block const& block) {
                                        owner.note_numbers(block);
                                    }},
          pending{owner.push_memory_bytes_}, feeder_positions{owner.server_, owner.faults_},
          keeper_positions{owner.server_, owner.faults_}, writer{{.folder = journal_path,
                                                                  .stream = ingest::uuid_v7(),
                                                                  .segment_bytes =
                                                                      owner.segment_bytes_},
                                                                 owner.disk_},
          keeper{keeper_positions,
                 {[this] { return lanes.last_batches(); },
                  [this](std::span<ingest::uuid const> covered) {
                      lanes.forget_last_batches(covered);
                  }},
                 {.write_interval = std::chrono::milliseconds{50},
                  .check_interval = std::chrono::milliseconds{300},
                  .retry_interval = std::chrono::milliseconds{100}}} {
        auto earlier = folder.streams();
        std::uint64_t earlier_bytes = 0;
        for (auto const& stream : earlier) {
            earlier_bytes += stream.bytes;
        }
        pushes = std::make_unique<daemon::push_journal>(
            daemon::push_journal_options{owner.journal_bytes_, owner.push_memory_bytes_,
                                         earlier_bytes, owner.retain_, owner.retain_bytes_},
            writer, [this] { return lanes.sources(); },
            [this](ingest::record_block& block) {
                if (auto const catalog = lanes.catalog()) {
                    daemon::decide_payers(block, *catalog);
                }
            },
            [](daemon::journal_report const&) {});
        pushes->open();
        feeder = std::make_unique<daemon::journal_feeder>(
            daemon::journal_feeder::target{
                .lanes = sink,
                .positions = feeder_positions,
                .keeper = keeper,
                .failures = failures,
                .catalog = [this] { return lanes.catalog(); },
                .decisions = lanes.decisions(),
                .forget_batches = [this] { lanes.forget_last_batches(); },
                .retain = owner.retain_,
                .retain_bytes = owner.retain_bytes_},
            folder, writer, *pushes, std::move(earlier));
        lanes.close_batches_early_when([this] { return pushes->commit_waiters() > 0; });
        lanes.set_sources(owner.sources_);
    }

    /// The lanes end first: they report to the feeder and the journal what they could not store.
    ~daemon_run() { owned_lanes.reset(); }
    daemon_run(daemon_run const&) = delete;
    daemon_run& operator=(daemon_run const&) = delete;

    tracing_observer observer;
    daemon::failure_report failures;
    ingest::journal_folder folder;
    std::unique_ptr<daemon::pipeline> owned_lanes;
    daemon::pipeline& lanes;
    weighed_sink sink;      ///< before the lanes
    pending_pushes pending; ///< in the journal's memory
    model_positions feeder_positions;
    model_positions keeper_positions;
    ingest::journal_writer writer;
    std::unique_ptr<daemon::push_journal> pushes;
    daemon::position_keeper keeper;
    std::unique_ptr<daemon::journal_feeder> feeder;
    bool has_catalog = false;
    bool is_flushing = false; ///< the journal is in a step
    std::set<std::uint32_t> ended_lanes;
    std::vector<std::shared_ptr<ingest::commit_wait>> waiting;
};

} // namespace tally::simulation
