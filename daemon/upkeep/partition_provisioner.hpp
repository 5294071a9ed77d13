#pragma once

#include "daemon/threads/failure_report.hpp"
#include "daemon/threads/heartbeat.hpp"
#include "daemon/threads/paced_thread.hpp"
#include "storage/partitions/policy.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>

namespace tally::daemon {

/// Creates partitions ahead of time, and knows how far they reach. A thread with its own connection
/// that wakes up once an hour, or after seconds when the database is unavailable.
class partition_provisioner {
  public:
    /// After each cycle `horizon` is called with the time that the partitions cover from now on, in
    /// seconds.
    partition_provisioner(std::string connection_string, storage::partition_policy policy,
                          std::function<void(std::int64_t)> horizon, failure_report& failures);
    ~partition_provisioner();
    partition_provisioner(partition_provisioner const&) = delete;
    partition_provisioner& operator=(partition_provisioner const&) = delete;

    [[nodiscard]] heartbeat const& pulse() const noexcept { return pulse_; }
    void start();
    void stop() noexcept;
    /// nullopt before the first successful cycle. Any thread.
    [[nodiscard]] std::optional<std::int64_t> horizon_s() const noexcept;

  private:
    void run() noexcept;
    bool create_ahead(storage::pq_connection& connection) noexcept;

    std::string connection_string_;
    storage::partition_policy policy_;
    std::function<void(std::int64_t)> horizon_;
    failure_report& failures_;
    heartbeat pulse_{"partition provisioner"};
    std::atomic<std::int64_t> horizon_s_{-1};
    paced_thread thread_;
};

} // namespace tally::daemon
