#pragma once

#include "daemon/pipeline/failure_report.hpp"
#include "daemon/pipeline/heartbeat.hpp"
#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/catalog/catalog_listener.hpp"
#include "storage/catalog/catalog_loader.hpp"
#include "storage/catalog/source_loader.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

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
    catalog_watch(std::string connection_string, catalog_target target, failure_report& failures);
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
    void turn();
    storage::result wait_for_change(bool& changed);
    storage::result read(storage::loaded_sources& senders, storage::loaded_catalog& catalog);
    storage::result load();
    void failed(storage::result const& status);
    bool pause(std::chrono::milliseconds time);

    std::string connection_string_;
    catalog_target target_;
    failure_report& failures_;
    heartbeat pulse_{"catalog watch"};
    storage::catalog_listener listener_;
    storage::pq_connection loader_;
    std::atomic<bool> reload_asked_{false};
    std::atomic<std::int64_t> loaded_at_s_{0};
    std::mutex mutex_; ///< guards stopping_ for the wait
    std::condition_variable wake_;
    bool stopping_ = false;
    std::thread thread_;
};

} // namespace tally::daemon
