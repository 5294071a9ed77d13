#include "daemon/upkeep/maintenance_scheduler.hpp"

#include "ingest/base/time.hpp"
#include "ingest/text/joined.hpp"
#include "storage/partitions/upkeep.hpp"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <stdexcept>

namespace tally::daemon {

namespace {

/// After a failure, mostly an unavailable database.
constexpr std::chrono::seconds cycle_after_failure{30};
/// The longest pause. The system clock may be set meanwhile, and another daemon may end without
/// finishing a run that it had begun.
constexpr std::chrono::seconds cycle_at_least_every{60};

void log_run(std::string_view job, storage::maintenance_report const& report,
             ingest::time_us began) {
    auto const took_ms = (ingest::now_us() - began) / 1000;

    // A roll-up runs every few minutes: at level info only when it changed something.
    auto const level = report.changed > 0 || report.failures > 0 || job != "rollup"
                           ? spdlog::level::info
                           : spdlog::level::debug;
    spdlog::log(level, "event=maintenance_done job={} changed={} failures={} took_ms={}", job,
                report.changed, report.failures, took_ms);

    // Row by row where an operator may want to know which: partitions, and whatever failed.
    for (auto const& row : report.failures > 0 || job == "partitions"
                               ? report.rows
                               : std::vector<std::vector<std::string>>{}) {
        spdlog::log(report.failures > 0 ? spdlog::level::warn : spdlog::level::info,
                    "event=maintenance_step job={} detail=\"{}\"", job, ingest::joined(row, ", "));
    }
}

} // namespace

maintenance_scheduler::maintenance_scheduler(std::string connection_string,
                                             config::settings settings, observer listener,
                                             failure_report& failures)
    : settings_{std::move(settings)}, jobs_{scheduled_jobs_of(settings_)},
      observer_{std::move(listener)}, failures_{failures}, connection_{std::move(connection_string),
                                                                       "tallyd maintenance",
                                                                       {},
                                                                       storage::upkeep_limits} {}

maintenance_scheduler::~maintenance_scheduler() {
    stop();
}

void maintenance_scheduler::start() {
    if (!jobs_.empty()) {
        thread_.start([this] { run(); });
    }
}

void maintenance_scheduler::stop() noexcept {
    // A roll-up may take minutes. Every job is safe to cancel and to repeat.
    thread_.stop([this] { connection_.cancel(); });
}

void maintenance_scheduler::run() noexcept {
    std::chrono::microseconds wait{0};
    while (thread_.pause(wait)) {
        bool const done = do_due_jobs();
        pulse_.rest();

        // After a failure the run is still due, so the pause is short but not zero.
        wait = done ? time_to_next() : cycle_after_failure;
    }
}

bool maintenance_scheduler::do_due_jobs() noexcept {
    // Jobs are statements that may take minutes: a wait for the database, not a part that stands
    // still (R4).
    database_wait const waiting{pulse_};
    bool all = true;
    for (auto const& each : jobs_) {
        // One job that fails does not keep the others from running.
        try {
            all = do_job(each) && all;
        } catch (std::runtime_error const& error) {
            spdlog::error("event=maintenance_failed job={} error=\"{}\"", each.name, error.what());
            all = false;
        } catch (std::exception const& error) { // out of memory, or a bug
            failures_.report("maintenance", error.what());
            return false;
        }

        if (!connection_.is_open()) {
            return false; // the other jobs would fail, too
        }
    }
    return all;
}

/// False: it failed, and is still due.
bool maintenance_scheduler::do_job(scheduled_job const& job) {
    auto const began = ingest::now_us();
    storage::maintenance_report report;

    // PostgreSQL decides who does the run: a daemon that comes second finds it done.
    auto const outcome = storage::run_scheduled_job(
        connection_, *storage::find_maintenance_job(job.name), latest_due(job.schedule, began),
        maintenance_options_of(settings_, began), report);
    if (connection_.is_cancelled()) {
        return false; // stopping
    }

    if (!outcome.ok()) {
        spdlog::warn("event=maintenance_failed job={} sqlstate={} detail=\"{}\"", job.name,
                     outcome.status().sqlstate, outcome.status().detail);
        observer_(job.name, "failed");
        return false;
    }

    // Only the daemon that did the run logs and counts it.
    if (*outcome == storage::scheduled_outcome::done) {
        log_run(job.name, report, began);
        observer_(job.name, report.failures > 0 ? "failed" : "done");
    }
    return true;
}

std::chrono::microseconds maintenance_scheduler::time_to_next() const {
    // Never longer than the bound, whatever the appointments: see cycle_at_least_every.
    auto const now = ingest::now_us();
    std::chrono::microseconds wait{cycle_at_least_every};
    for (auto const& each : jobs_) {
        wait = std::min(wait, std::chrono::microseconds{next_due(each.schedule, now) - now});
    }
    return wait;
}

} // namespace tally::daemon
