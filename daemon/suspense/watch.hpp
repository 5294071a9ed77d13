#pragma once

#include "daemon/suspense/database.hpp"
#include "daemon/threads/failure_report.hpp"
#include "daemon/threads/heartbeat.hpp"
#include "daemon/threads/paced_thread.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <span>
#include <vector>

namespace tally::daemon {

/// Receives the number of waiting records and the outcome of retries. Called on the watch's thread.
struct suspense_observer {
    std::function<void(std::vector<storage::waiting_reason> const&)> waiting; ///< all reasons
    std::function<void(retry_counts const&)> tried;                           ///< after each page
    std::function<void(storage::batch const&)> stored;
};

/// Retries suspended records when the reason may no longer hold: after each change of the catalog,
/// and at intervals. Runs on a thread with its own connections, apart from the lanes: one page at a
/// time, followed by a pause of the same length. When several daemons use one database, one of them
/// does this until it ends (an advisory lock decides). Also counts the waiting records for metrics.
///
///     poll the database → count waiting (once a minute) → try to become leader → retry due pages
///           ↑                                                                        │
///           └────────────── pause: an interval, or until the catalog changes ────────┘
class suspense_watch {
  public:
    /// `attempts_max`: per record; 0: no record is retried.
    suspense_watch(std::unique_ptr<suspense_database> database, std::int32_t attempts_max,
                   suspense_observer observer, failure_report& failures);
    ~suspense_watch();
    suspense_watch(suspense_watch const&) = delete;
    suspense_watch& operator=(suspense_watch const&) = delete;

    [[nodiscard]] heartbeat const& pulse() const noexcept { return pulse_; }
    void start();
    /// Cancels the statements under way: records that are not stored wait as before.
    void stop() noexcept;

    /// Sets the sources by which records are decoded. Any thread.
    void set_sources(std::shared_ptr<ingest::source_table const> next);
    /// Sets the catalog by which records are rated, and starts a cycle. `as_of`: the time of the
    /// catalog, by the database's clock. Any thread.
    void set_catalog(std::shared_ptr<rating::catalog const> next, ingest::time_us as_of);

  private:
    using clock = std::chrono::steady_clock;

    void run() noexcept;
    void run_cycle();
    void report_waiting();
    bool is_leader();
    void retry_all();
    bool retry_pages(std::span<ingest::uuid const> due, retry_counts& all);
    void retry_page(std::vector<ingest::uuid> ids, retry_counts& all);
    [[nodiscard]] retry_options options_now();
    bool pause(std::chrono::milliseconds time);

    std::unique_ptr<suspense_database> database_;
    std::int32_t attempts_max_;
    suspense_observer observer_;
    failure_report& failures_;
    heartbeat pulse_{"suspense watch"};
    clock::time_point next_report_;

    std::mutex mutex_; ///< guards the catalog and the sources
    std::shared_ptr<rating::catalog const> catalog_;
    std::shared_ptr<ingest::source_table const> sources_;
    ingest::time_us catalog_at_ = 0;
    paced_thread thread_; ///< woken by a new catalog
};

} // namespace tally::daemon
