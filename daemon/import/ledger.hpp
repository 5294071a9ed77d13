#pragma once

#include "ingest/base/record_error.hpp"
#include "rating/money/money.hpp"
#include "storage/lane/lane_writer.hpp"

#include <atomic>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>

namespace tally::daemon {

/// The costs of an import and the reasons of its suspended records, for the summary. The lanes
/// report to it once per batch, from their threads.
class import_ledger final : public storage::lane_observer {
  public:
    struct totals {
        std::map<std::string, rating::amount_sum> cost_by_currency;
        std::map<ingest::record_error, std::uint64_t> suspended_by_reason;
        bool has_effects = false; ///< effects were queued
        std::string warning;      ///< why the lanes wait for the database; empty: they do not
    };

    void stored(storage::stored_batch const& stored) override;
    void retried(std::string_view reason, storage::result const& status) override;

    [[nodiscard]] totals read() const;
    /// A batch of this import that was stored is no longer there. Any thread.
    [[nodiscard]] bool has_lost() const noexcept { return has_lost_; }

  private:
    mutable std::mutex mutex_; ///< guards totals_
    totals totals_;
    std::atomic<bool> has_lost_{false};
};

} // namespace tally::daemon
