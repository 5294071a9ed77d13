#include "daemon/upkeep/partition_provisioner.hpp"

#include "ingest/base/time.hpp"
#include "storage/partitions/partitions.hpp"

#include <spdlog/spdlog.h>

namespace tally::daemon {

namespace {

/// Partitions are created days ahead, so one hour more does not matter.
constexpr std::chrono::minutes round_every{60};
constexpr std::chrono::seconds round_after_failure{5};

} // namespace

housekeeper::housekeeper(std::string connection_string, storage::partition_policy policy,
                         std::function<void(std::int64_t)> horizon)
    : connection_string_{std::move(connection_string)}, policy_{policy}, horizon_{
                                                                             std::move(horizon)} {}

housekeeper::~housekeeper() {
    stop();
}

void housekeeper::start() {
    thread_ = std::thread{[this] { run(); }};
}

void housekeeper::stop() noexcept {
    {
        std::lock_guard const lock{mutex_};
        stopping_ = true;
    }
    wake_.notify_all();
    if (thread_.joinable()) {
        thread_.join();
    }
}

std::optional<std::int64_t> housekeeper::horizon_s() const noexcept {
    auto const seconds = horizon_s_.load(std::memory_order_relaxed);
    return seconds < 0 ? std::nullopt : std::optional{seconds};
}

void housekeeper::run() noexcept {
    storage::pq_connection connection{connection_string_, "tallyd housekeeper"};
    std::unique_lock lock{mutex_};
    while (!stopping_) {
        lock.unlock();
        bool const done = round(connection);
        lock.lock();
        wake_.wait_for(lock, done ? std::chrono::seconds{round_every} : round_after_failure,
                       [this] { return stopping_; });
    }
}

bool housekeeper::round(storage::pq_connection& on) noexcept {
    try {
        std::int64_t seconds = 0;
        std::vector<storage::partition_name> made;
        auto why = storage::create_ahead(on, policy_, ingest::now_us(), made);
        if (why.ok()) {
            why = storage::horizon(on, ingest::now_us(), seconds);
        }
        if (why.ok()) {
            horizon_s_ = seconds;
            horizon_(seconds);
            return true;
        }

        // Partitions reach days ahead, so a failed round only needs to be repeated.
        spdlog::warn("event=partitions_not_made sqlstate={} detail=\"{}\"", why.sqlstate,
                     why.detail);
    } catch (std::exception const& error) {
        spdlog::error("event=partitions_not_made error=\"{}\"", error.what());
    }
    return false;
}

} // namespace tally::daemon
