#include "daemon/suspense/watch.hpp"

#include "storage/postgres/database_error.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

namespace tally::daemon {

namespace {

/// The interval without a change of the catalog: for records that arrived while it changed, and for
/// those whose reason lies in a table that sends no notifications.
constexpr std::chrono::seconds cycle_every{15};
/// Mostly an unavailable database, which may be back before the next regular cycle.
constexpr std::chrono::seconds cycle_after_failure{5};
/// Counting a million waiting records takes some 0.3 s of a core.
constexpr std::chrono::seconds report_every{60};
/// Ids read by one index scan (160 KB); they are retried in pages.
constexpr std::int32_t due_max = 10'000;
/// Bounds the time for which a page's transaction locks rows that lanes need: about 10 ms.
constexpr std::size_t page_rows = 200;
/// Bounds of the pauses that are measured by the work: one slow page must not stop retries for
/// long.
constexpr std::chrono::milliseconds pause_between_pages_max{1000};
constexpr std::chrono::milliseconds pause_between_cycles_max{10'000};

} // namespace

suspense_watch::suspense_watch(std::unique_ptr<suspense_database> database,
                               std::int32_t attempts_max, suspense_observer observer,
                               failure_report& failures)
    : database_{std::move(database)},
      attempts_max_{attempts_max}, observer_{std::move(observer)}, failures_{failures} {}

suspense_watch::~suspense_watch() {
    stop();
}

void suspense_watch::start() {
    thread_.start([this] { run(); });
}

void suspense_watch::stop() noexcept {
    // A page may be under way. Its transaction is rolled back, and its records wait as before
    // (R16).
    thread_.stop([this] { database_->cancel(); });
}

void suspense_watch::set_sources(std::shared_ptr<ingest::source_table const> next) {
    std::lock_guard const lock{mutex_};
    sources_ = std::move(next);
}

void suspense_watch::set_catalog(std::shared_ptr<rating::catalog const> next,
                                 ingest::time_us as_of) {
    {
        std::lock_guard const lock{mutex_};
        catalog_ = std::move(next);
        catalog_at_ = as_of;
    }

    // A cycle begins at once: records that waited for this catalog need not wait for the interval.
    thread_.wake();
}

void suspense_watch::run() noexcept {
    std::chrono::milliseconds wait{0};

    // A catalog that arrives during a cycle starts another one.
    while (thread_.wait_for_wake(wait)) {
        // A cycle may take minutes. A failure only changes the pause before the next one.
        wait = cycle_every;
        pulse_.work();
        try {
            run_cycle();
        } catch (std::runtime_error const& error) { // the database refuses or is unavailable
            database_
                ->end_retries(); // its connections may be broken; the next cycle opens new ones
            wait = cycle_after_failure;
            if (!database_->is_cancelled()) {
                spdlog::warn("event=suspense_not_tried error=\"{}\"", error.what());
            }
        } catch (std::exception const& error) { // out of memory, or a bug
            failures_.report("suspense_watch", error.what());
            wait = cycle_after_failure;
        }

        pulse_.rest();
    }
}

void suspense_watch::run_cycle() {
    auto const began = clock::now();

    // The count is for metrics, so every daemon makes it. Retries are made by one (the leader).
    report_waiting();
    if (attempts_max_ > 0 && is_leader()) {
        retry_all();
    }

    // About a tenth of the time: a catalog that changes every second must not keep the database
    // busy with retries.
    auto const took = std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began);
    pause(std::min(9 * took, pause_between_cycles_max));
}

void suspense_watch::report_waiting() {
    // Less often than retries: counting scans all waiting rows.
    if (clock::now() < next_report_) {
        return;
    }
    database_wait const waiting{pulse_};
    observer_.waiting(database_->waiting());

    // From the end of the count, so that a slow one is not followed by the next at once.
    next_report_ = clock::now() + report_every;
}

/// Only saves work: a record that two daemons retry is stored by one of them (R16).
bool suspense_watch::is_leader() {
    database_wait const waiting{pulse_};
    return database_->is_leader();
}

void suspense_watch::retry_all() {
    // Until no row is due: a new catalog may help more records than one request reads.
    retry_counts all;
    bool go_on = true;
    while (go_on) {
        auto const options = options_now();
        if (!options.catalog || !options.sources) {
            return; // not loaded yet
        }

        // Ends by itself: a record that was tried is not due again by the same catalog.
        std::vector<ingest::uuid> due;
        {
            database_wait const waiting{pulse_};
            due = database_->due(*options.automatic, due_max);
        }
        go_on = !due.empty() && retry_pages(due, all);
    }
    database_->end_retries(); // an idle daemon keeps no connections for retries

    if (all.tried > 0) {
        spdlog::info("event=suspense_tried records={} stored={} duplicate={} waiting={}", all.tried,
                     all.stored, all.duplicate, all.tried - all.stored - all.duplicate);
    }
}

/// Retries `due` page by page. False: the daemon stops.
bool suspense_watch::retry_pages(std::span<ingest::uuid const> due, retry_counts& all) {
    while (!due.empty()) {
        auto const began = clock::now();
        auto const page = due.first(std::min(page_rows, due.size()));
        due = due.subspan(page.size());
        retry_page({page.begin(), page.end()}, all);

        // Half of the time belongs to the lanes, which write to the same rows.
        auto const took =
            std::chrono::duration_cast<std::chrono::milliseconds>(clock::now() - began);
        if (!pause(std::min(took, pause_between_pages_max))) {
            return false;
        }
    }
    return true;
}

/// Retries one page with the present catalog.
void suspense_watch::retry_page(std::vector<ingest::uuid> ids, retry_counts& all) {
    retry_counts counts;
    {
        database_wait const waiting{pulse_}; // reading and storing are nearly all of the time
        counts = database_->retry(std::move(ids), options_now());
    }
    observer_.tried(counts);

    // One line in the log for the whole cycle, while metrics move with each page.
    all.tried += counts.tried;
    all.stored += counts.stored;
    all.duplicate += counts.duplicate;
}

retry_options suspense_watch::options_now() {
    std::lock_guard const lock{mutex_};

    // A copy: the catalog that a page begins with is used to its end (R14).
    retry_options now;
    now.catalog = catalog_;
    now.sources = sources_;
    now.automatic = storage::automatic_attempts{catalog_at_, attempts_max_};
    now.stop = [this] { return thread_.is_stopping(); };

    // Money of retried records is counted like that of lanes.
    now.on_stored = observer_.stored;
    return now;
}

/// False: the daemon stops.
bool suspense_watch::pause(std::chrono::milliseconds time) {
    pulse_.rest();
    bool const goes_on = thread_.pause(time);
    pulse_.work();
    return goes_on;
}

} // namespace tally::daemon
