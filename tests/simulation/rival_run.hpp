#pragma once

#include "tests/simulation/daemon_run.hpp"
#include "tests/simulation/world.hpp"

#include <chrono>
#include <cstdint>
#include <memory>

namespace tally::simulation {

/// The objects of one run of another daemon on the same database: a lane of its own, to which
/// senders repeat records of this one, and a session that locks usage rows for a while. It has no
/// journal: no one relies on what it has taken.
struct world::rival_run {
    explicit rival_run(world& owner)
        : lanes{daemon::pipeline_options{.lanes = 1,
                                         .memory_bytes_max = owner.memory_bytes_,
                                         .batch_rows_max = 1 + owner.random_() % 6,
                                         .linger_max =
                                             std::chrono::milliseconds{owner.random_() % 20},
                                         .import_id = {},
                                         .pause =
                                             [&owner](std::chrono::milliseconds) {
                                                 return owner.pause(owner.rival_process_);
                                             }},
                [&owner](std::uint32_t) {
                    return std::make_unique<model_store>(owner.server_, owner.faults_);
                },
                observer, failures},
          holder{owner.server_, owner.faults_} {
        lanes.set_sources(owner.sources_);
        lanes.set_catalog(owner.catalogs_[owner.catalog_]);
    }

    tracing_observer observer;
    daemon::failure_report failures;
    daemon::pipeline lanes;
    model_store holder;
    scheduler::clock::time_point acts_at{}; ///< not before
    bool is_over = false;                   ///< its lane has ended
};

} // namespace tally::simulation
