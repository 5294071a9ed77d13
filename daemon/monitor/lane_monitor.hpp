#pragma once

#include "daemon/monitor/admin_status.hpp"
#include "storage/lane/lane_writer.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

namespace tally::daemon {

class metrics;

/// Turns what lanes report into metrics, log lines and the database part of /status. Called by
/// every lane's thread, once a batch.
class lane_monitor final : public storage::lane_observer {
  public:
    lane_monitor(metrics& counters, std::size_t lanes);

    void stored(storage::stored_batch const& what) override;
    void retried(std::string_view reason, storage::result const& why) override;

    /// Fills in when each lane last committed, and whether the database is there.
    void fill(daemon_status& status) const;
    /// The database was reached by somebody else than a lane.
    void reached() noexcept;
    void lost(std::string detail);

    /// What a transaction charged; also of one that is no lane's.
    void count_money(storage::batch const& rows);
    void tell_state() noexcept;

  private:
    metrics& counters_;
    std::unique_ptr<std::atomic<std::int64_t>[]> last_commit_s_; ///< by lane; 0: none yet
    std::size_t lanes_;
    std::atomic<bool> ever_up_{false};
    std::atomic<bool> up_{false};
    // Apart: a database that answers the catalog's connection may still refuse what lanes write.
    std::atomic<bool> lanes_fail_{false}; ///< since the last batch that was stored
    std::atomic<bool> is_lost_{false};    ///< for whom else there is
    mutable std::mutex mutex_;            ///< guards detail_ and changes of up_
    std::string detail_;
};

} // namespace tally::daemon
