#pragma once

#include "daemon/threads/failure_report.hpp"
#include "daemon/threads/heartbeat.hpp"
#include "daemon/threads/paced_thread.hpp"
#include "daemon/upkeep/maintenance_settings.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::daemon {

/// Runs maintenance jobs when they are due, on a thread with its own connection, so that a long job
/// blocks no other part. When several daemons use one database, one of them does a run; a run that
/// was missed because no daemon ran is made up for (ingest.maintenance_runs). Logs each run.
class maintenance_scheduler {
  public:
    /// For metrics; `outcome` is "done" or "failed". Called on the scheduler's thread after each
    /// run.
    using observer = std::function<void(std::string_view job, std::string_view outcome)>;

    maintenance_scheduler(std::string connection_string, config::settings settings,
                          observer listener, failure_report& failures);
    ~maintenance_scheduler();
    maintenance_scheduler(maintenance_scheduler const&) = delete;
    maintenance_scheduler& operator=(maintenance_scheduler const&) = delete;

    [[nodiscard]] heartbeat const& pulse() const noexcept { return pulse_; }
    void start();
    /// Cancels the job under way: its next run continues where it was.
    void stop() noexcept;

  private:
    void run() noexcept;
    bool do_due_jobs() noexcept;
    bool do_job(scheduled_job const& job);
    [[nodiscard]] std::chrono::microseconds time_to_next() const;

    config::settings settings_;
    std::vector<scheduled_job> jobs_;
    observer observer_;
    failure_report& failures_;
    heartbeat pulse_{"maintenance"};
    storage::pq_connection connection_;
    paced_thread thread_;
};

} // namespace tally::daemon
