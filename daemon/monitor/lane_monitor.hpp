#pragma once

#include "daemon/monitor/admin_status.hpp"
#include "storage/lane/lane_writer.hpp"

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace tally::daemon {

class metrics;

/// Turns the reports of the lanes into metrics, log lines and the database part of /status. Called
/// by every lane's thread, once per batch.
class lane_monitor final : public storage::lane_observer {
  public:
    lane_monitor(metrics& counters, std::size_t lanes);

    void stored(storage::stored_batch const& stored) override;
    void retried(std::string_view reason, storage::result const& status) override;

    /// Fills in when each lane last committed, and whether the database is reachable.
    void fill(daemon_status& status) const;
    /// Reports that a connection other than a lane's reached the database, or lost it. Any thread.
    void reached() noexcept;
    void lost(std::string detail);

    /// `wake` is called after each batch that queued effects, on the lane's thread. To be called
    /// before any thread starts.
    void on_effects(std::function<void()> wake) { wake_effects_ = std::move(wake); }

    /// Counts the charges of a committed transaction, whether of a lane or of a retry.
    void count_money(storage::batch const& rows);
    void tell_state() noexcept;

  private:
    void report_unsearched(storage::stored_batch const& stored, std::uint64_t records);

    metrics& counters_;
    std::function<void()> wake_effects_;
    std::unique_ptr<std::atomic<std::int64_t>[]> last_commit_s_; ///< by lane; 0: none yet
    std::size_t lanes_;
    std::atomic<bool> ever_up_{false};
    std::atomic<bool> up_{false};
    // Two flags: a database that answers the catalog's connection may still refuse the lanes'
    // writes.
    std::atomic<bool> lanes_fail_{false}; ///< a batch failed since the last one that was stored
    std::atomic<bool> is_lost_{false};    ///< for the other connections
    mutable std::mutex mutex_;            ///< guards the members below, and changes of up_
    std::string detail_;
    std::uint64_t unsearched_ = 0;         ///< suspended without a search, not logged yet
    std::int64_t unsearched_logged_s_ = 0; ///< when the last ones were logged
};

} // namespace tally::daemon
