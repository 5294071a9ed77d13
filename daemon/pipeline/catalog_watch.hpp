#pragma once

#include "daemon/pipeline/catalog_database.hpp"
#include "daemon/threads/failure_report.hpp"
#include "daemon/threads/heartbeat.hpp"
#include "daemon/threads/paced_thread.hpp"
#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"

#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>

namespace tally::daemon {

/// Receives each loaded catalog and its sources. Called on the watch's thread; set_sources comes
/// before set_catalog.
struct catalog_target {
    /// `as_of`: the time of the catalog, by the database's clock.
    std::function<void(std::shared_ptr<rating::catalog const>, ingest::time_us as_of)> set_catalog;
    std::function<void(std::shared_ptr<ingest::source_table const>)> set_sources;
    std::function<void()> reached;         ///< the database answered
    std::function<void(std::string)> lost; ///< it did not, for this reason
};

/// Keeps the catalog and the sources current while the daemon runs: loads them, listens for
/// changes, loads them again. While the database is unavailable it tries again, and the daemon
/// works with the last version.
class catalog_watch {
  public:
    struct intervals {
        /// How long a wait for notifications lasts before reload() is noticed.
        std::chrono::milliseconds wait{250};
        std::chrono::milliseconds retry_after{1000};
        /// A change sends one notification per statement and table, and importing a deck is many
        /// statements. Notifications that follow within this time are answered by one load.
        std::chrono::milliseconds settle{20};
    };

    catalog_watch(std::unique_ptr<catalog_database> database, catalog_target target,
                  failure_report& failures, intervals timing);
    catalog_watch(std::unique_ptr<catalog_database> database, catalog_target target,
                  failure_report& failures);
    ~catalog_watch();
    catalog_watch(catalog_watch const&) = delete;
    catalog_watch& operator=(catalog_watch const&) = delete;

    void start();
    /// Requests a load, as if something had changed. Any thread.
    void reload() noexcept { reload_asked_ = true; }
    void stop() noexcept;
    /// Seconds since the last successful load; nullopt: none yet. Any thread.
    [[nodiscard]] std::optional<std::int64_t> age_s() const noexcept;
    [[nodiscard]] heartbeat const& pulse() const noexcept { return pulse_; }

  private:
    void run() noexcept;
    void poll();
    storage::result load();
    void report_loss(storage::result const& status);

    std::unique_ptr<catalog_database> database_;
    catalog_target target_;
    failure_report& failures_;
    intervals timing_;
    heartbeat pulse_{"catalog watch"};
    std::atomic<bool> reload_asked_{false};
    std::atomic<std::int64_t> loaded_at_s_{0};
    paced_thread thread_;
};

} // namespace tally::daemon
