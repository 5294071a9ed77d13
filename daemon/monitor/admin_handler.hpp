#pragma once

#include "daemon/monitor/admin_status.hpp"
#include "ingest/http/handler.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace tally::daemon {

class metrics;

/// Below this horizon the daemon is not ready: less than a day is left to create partitions, and
/// tomorrow's records could then not be stored.
inline constexpr std::int64_t partition_horizon_s_min = 24 * 60 * 60;

/// The admin endpoint: /metrics, /healthz, /readyz, /status. Served by a server of its own.
/// Called by any thread, several at once; `status` is called on the same threads and must not
/// block.
class admin_handler final : public ingest::http_handler {
  public:
    admin_handler(metrics const& counters, std::function<daemon_status()> status,
                  std::string version);

    [[nodiscard]] ingest::http_step begin(ingest::http_head const& head) override;

  private:
    [[nodiscard]] ingest::http_response metrics_response() const;
    [[nodiscard]] ingest::http_response health_response() const;
    [[nodiscard]] ingest::http_response ready_response() const;
    [[nodiscard]] ingest::http_response status_response() const;

    struct route;
    static route const routes[];

    metrics const& counters_;
    std::function<daemon_status()> status_;
    std::string version_;
    std::chrono::steady_clock::time_point started_ = std::chrono::steady_clock::now();
};

} // namespace tally::daemon
