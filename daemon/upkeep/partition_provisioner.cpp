#include "daemon/upkeep/partition_provisioner.hpp"

#include "ingest/base/time.hpp"
#include "storage/partitions/partitions.hpp"

#include <spdlog/spdlog.h>

#include <stdexcept>

namespace tally::daemon {

namespace {

/// Partitions are created days ahead, so one hour more does not matter.
constexpr std::chrono::minutes cycle_every{60};
/// Mostly an unavailable database. Soon, since at the first start no partition may be there yet.
constexpr std::chrono::seconds cycle_after_failure{5};

} // namespace

partition_provisioner::partition_provisioner(std::string connection_string,
                                             storage::partition_policy policy,
                                             std::function<void(std::int64_t)> horizon,
                                             failure_report& failures)
    : connection_string_{std::move(connection_string)}, policy_{policy},
      horizon_{std::move(horizon)}, failures_{failures} {}

partition_provisioner::~partition_provisioner() {
    stop();
}

void partition_provisioner::start() {
    thread_.start([this] { run(); });
}

void partition_provisioner::stop() noexcept {
    thread_.stop();
}

/// nullopt until the first cycle that reached the database.
std::optional<std::int64_t> partition_provisioner::horizon_s() const noexcept {
    auto const seconds = horizon_s_.load(std::memory_order_relaxed);
    return seconds < 0 ? std::nullopt : std::optional{seconds};
}

void partition_provisioner::run() noexcept {
    // Opened by the first cycle, and again by each one that finds it lost.
    storage::pq_connection connection{connection_string_, "tallyd housekeeper"};
    std::chrono::seconds wait{0};
    while (thread_.pause(wait)) {
        wait = create_ahead(connection) ? cycle_every : cycle_after_failure;
        pulse_.rest();
    }
}

bool partition_provisioner::create_ahead(storage::pq_connection& connection) noexcept {
    database_wait const waiting{pulse_};
    try {
        // The horizon is read even if nothing was created: it is the number that alerts watch.
        std::vector<storage::partition_name> made;
        auto status = storage::create_ahead(connection, policy_, ingest::now_us(), made);

        if (status.ok()) {
            auto const seconds = storage::horizon(connection, ingest::now_us());
            if (seconds.ok()) {
                // Twice: readiness asks for it, and the metric is told.
                horizon_s_ = *seconds;
                horizon_(*seconds);
                return true;
            }
            status = seconds.status();
        }

        // Partitions reach days ahead, so a failed cycle only needs to be repeated.
        spdlog::warn("event=partitions_not_made sqlstate={} detail=\"{}\"", status.sqlstate,
                     status.detail);
    } catch (std::runtime_error const& error) {
        spdlog::error("event=partitions_not_made error=\"{}\"", error.what());
    } catch (std::exception const& error) { // out of memory, or a bug
        failures_.report("partition_provisioner", error.what());
    }
    return false;
}

} // namespace tally::daemon
