#include "daemon/import/stream.hpp"

#include "storage/postgres/database_error.hpp"

#include <spdlog/spdlog.h>

#include <utility>

namespace tally::daemon {

namespace {

/// Between two attempts to keep decisions; and how often the end of the last write is looked at.
constexpr std::chrono::milliseconds attempt_interval{500};
constexpr std::chrono::milliseconds poll{5};

} // namespace

import_stream::import_stream(stream_stores stores, std::string name,
                             payer_decisions::catalog_source catalog, pipeline& lanes)
    : stores_{std::move(stores)}, decisions_{*stores_.decisions, name, std::move(catalog),
                                             lanes.decisions()},
      position_keeper_{
          *stores_.positions,
          {[&lanes] { return lanes.last_batches(); },
           [&lanes](std::span<ingest::uuid const> covered) { lanes.forget_last_batches(covered); }},
          {}} {
    // Where an earlier run of the same import ended; 0 for a new one.
    auto const position = check(stores_.decisions->load(name));
    check(decisions_.load(position));

    // From here on the keeper's thread alone writes the position (R2).
    kept_ = std::make_shared<kept_position>(std::move(name), position);
    position_keeper_.watch({kept_});
    thread_.start([this] { run(); });
}

/// The keeper's thread: positions move while the main thread reads the file.
void import_stream::run() noexcept {
    try {
        position_keeper::clock::duration wait{0};
        while (thread_.pause(wait)) {
            wait = position_keeper_.step(position_keeper::clock::now());
        }
    } catch (std::exception const& error) {
        // The records are stored all the same: without a position the next run meets their keys.
        spdlog::error("event=import_position_lost error=\"{}\"", error.what());
    }
}

/// False: the import must end. An outage is waited for, as everywhere in an import.
bool import_stream::decide(std::unique_ptr<ingest::record_block> const& block,
                           std::function<bool()> const& is_stopping) {
    while (!has_lost()) {
        auto const status = decisions_.settle({&block, 1});
        if (status.ok()) {
            return true;
        }

        // Lost: the decisions that these rest on are not in the database any longer (R5).
        if (status.reason == storage::failure::lost || is_stopping()) {
            break;
        }
        std::this_thread::sleep_for(attempt_interval);
    }
    return false;
}

bool import_stream::finish(std::chrono::milliseconds limit) {
    // The position has to reach the end of the stored prefix, else the next run would read all
    // again.
    auto const end = std::chrono::steady_clock::now() + limit;
    while (kept_->committed < kept_->prefix.below() && !position_keeper_.has_lost() &&
           std::chrono::steady_clock::now() < end) {
        std::this_thread::sleep_for(poll);
    }
    return kept_->committed >= kept_->prefix.below() && !position_keeper_.has_lost();
}

} // namespace tally::daemon
