#pragma once

#include "daemon/import/job.hpp"
#include "daemon/pipeline/payer_decisions.hpp"
#include "tests/simulation/daemon_run.hpp"
#include "tests/simulation/world.hpp"

#include <cstdint>
#include <memory>

namespace tally::simulation {

inline constexpr char const* import_stream_name = "import:file";

/// The objects of one run of `tallyd import`: lanes of its own, and the position of the file.
struct world::import_run {
    explicit import_run(world& owner)
        : lanes{daemon::pipeline_options{
                    .lanes = 1 + static_cast<std::uint32_t>(owner.random_() % 2),
                    .memory_bytes_max = owner.memory_bytes_,
                    .batch_rows_max = 1 + owner.random_() % 6,
                    .linger_max = std::chrono::milliseconds{owner.random_() % 20},
                    .piece_rows = owner.random_() % 2 == 0 ? 1 + owner.random_() % 3 : 8192,
                    .key_sets = 4,
                    .grow_max = std::chrono::milliseconds{owner.random_() % 100},
                    .import_id = ingest::uuid_v7(),
                    .pause =
                        [&owner](std::chrono::milliseconds) {
                            return owner.pause(owner.import_process_);
                        }},
                [&owner](std::uint32_t) {
                    return std::make_unique<model_store>(owner.server_, owner.faults_);
                },
                observer, failures},
          sink{lanes, owner.memory_bytes_, "import"}, read{owner.server_, owner.faults_},
          written{owner.server_, owner.faults_}, decisions{read, import_stream_name,
                                                           [this] { return lanes.catalog(); },
                                                           lanes.decisions()},
          keeper{written,
                 {[this] { return lanes.last_batches(); },
                  [this](std::span<ingest::uuid const> covered) {
                      lanes.forget_last_batches(covered);
                  }},
                 {.write_interval = std::chrono::milliseconds{50},
                  .check_interval = std::chrono::milliseconds{300},
                  .retry_interval = std::chrono::milliseconds{100}}} {
        lanes.set_sources(owner.sources_);
        owner.positions_.begin_import(import_stream_name);
        lanes.set_catalog(owner.catalogs_[owner.catalog_]);
    }

    tracing_observer observer;
    daemon::failure_report failures;
    daemon::pipeline lanes;
    weighed_sink sink; ///< before the lanes
    model_positions read;
    model_positions written;
    daemon::payer_decisions decisions;
    std::shared_ptr<daemon::kept_position> kept; ///< nullptr: not opened yet
    daemon::position_keeper keeper;
    std::uint64_t resumed_from = 0;
    std::size_t read_bytes = 0;     ///< of the file
    std::size_t read_bytes_max = 0; ///< that may be read and not pushed
    bool is_over = false;
    bool is_done = false;
    bool is_before_failover = false; ///< what it has stored may be gone
};

} // namespace tally::simulation
