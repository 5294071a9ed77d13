#pragma once

#include "daemon/app/listeners.hpp"
#include "daemon/app/liveness.hpp"
#include "daemon/app/schema_watch.hpp"
#include "daemon/app/service.hpp"
#include "daemon/cli/database.hpp"
#include "daemon/cli/signals.hpp"
#include "daemon/effects/worker.hpp"
#include "daemon/journal/intake.hpp"
#include "daemon/journal/sources_cache.hpp"
#include "daemon/monitor/lane_monitor.hpp"
#include "daemon/monitor/metrics.hpp"
#include "daemon/pipeline/catalog_watch.hpp"
#include "daemon/pipeline/pipeline.hpp"
#include "daemon/suspense/watch.hpp"
#include "daemon/threads/failure_report.hpp"
#include "daemon/upkeep/maintenance_scheduler.hpp"
#include "daemon/upkeep/partition_provisioner.hpp"

#include <atomic>
#include <chrono>
#include <memory>

namespace tally::daemon {

/// The parts of `tallyd run` and their life: service.cpp starts and supervises them, stopping.cpp
/// ends them. Main thread only, except status().
struct service::impl {
    explicit impl(options given) : settings{std::move(given)} {}
    ~impl();
    impl(impl const&) = delete;
    impl& operator=(impl const&) = delete;

    int run();
    bool start();
    void make_background_parts();
    catalog_target catalog_target_here();
    bool open_journal();
    void use_cached_sources();
    void watch_journal(journal_report const& report);
    void serve();
    void watch_parts();
    void start_at_database();
    [[nodiscard]] bool can_store() const;
    void supervise();
    void read_settings_again();
    void stop();
    void end_records();
    bool drain();
    bool drain_effects(std::chrono::steady_clock::time_point deadline, bool& cut_short);
    bool cut_short_requested(std::chrono::milliseconds wait);
    [[nodiscard]] daemon_status status() const;

    options settings;
    // In the order of construction; the compiler destroys them in the opposite order.
    daemon::signals signals;
    failure_report failures;
    std::unique_ptr<database> store;
    metrics counters;
    std::unique_ptr<lane_monitor> monitor;
    std::unique_ptr<sources_cache> cache;
    std::unique_ptr<effects_worker> effects; ///< outlives the lanes, which wake it
    std::unique_ptr<intake> journal; ///< outlives the lanes, which report to it what they stored
    std::unique_ptr<pipeline> lanes;
    std::unique_ptr<suspense_watch> suspense;
    std::unique_ptr<catalog_watch> watch; ///< gives each new catalog to the parts above
    std::unique_ptr<partition_provisioner> provisioner;
    std::unique_ptr<maintenance_scheduler> maintenance;
    std::unique_ptr<listeners> endpoints;
    std::unique_ptr<schema_watch> schema; ///< lets the parts start that need the database
    bool is_at_database = false;          ///< they have been started
    liveness pulses;
    std::atomic<bool> sources_cached{false};
    std::atomic<bool> draining{false}; ///< read by the admin endpoint's threads
};

} // namespace tally::daemon
