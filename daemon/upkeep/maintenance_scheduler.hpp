#pragma once

#include "daemon/upkeep/maintenance_settings.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace tally::daemon {

/// Does maintenance jobs when they are due: a thread with a connection of its own, so that a long
/// job is in nobody's way. Of several daemons on one database one does a run, and one that was
/// missed because none was there is caught up (ingest.maintenance_runs). A log line per run.
class maintenance_scheduler {
  public:
    /// "done" or "failed", for metrics; called by the thread after each run.
    using observer = std::function<void(std::string_view job, std::string_view outcome)>;

    maintenance_scheduler(std::string connection_string, config::settings settings, observer told);
    ~maintenance_scheduler();
    maintenance_scheduler(maintenance_scheduler const&) = delete;
    maintenance_scheduler& operator=(maintenance_scheduler const&) = delete;

    void start();
    /// Cuts short what is under way: jobs go on where they were the next time.
    void stop() noexcept;

  private:
    void run() noexcept;
    bool round() noexcept;
    bool do_job(scheduled_job const& which);
    [[nodiscard]] std::chrono::microseconds time_to_next() const;

    config::settings settings_;
    std::vector<scheduled_job> jobs_;
    observer told_;
    storage::pq_connection connection_;
    std::mutex mutex_; ///< guards stopping_ for the wait
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace tally::daemon
