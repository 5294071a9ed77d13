#pragma once

#include "config/settings.hpp"
#include "daemon/monitor/admin_handler.hpp"
#include "daemon/monitor/metrics.hpp"
#include "daemon/threads/failure_report.hpp"
#include "daemon/threads/heartbeat.hpp"
#include "ingest/record/record_sink.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>

namespace tally::daemon {

/// The HTTP and TCP listeners for records, the admin endpoint, and the worker threads that they
/// share. Stopping: drain_records(), drain_admin(), stop(). Main thread only, except the numbers of
/// connections.
class listeners {
  public:
    listeners(config::settings const& settings, ingest::record_sink& sink, metrics& counters,
              std::function<daemon_status()> status, failure_report& failures);
    ~listeners();
    listeners(listeners const&) = delete;
    listeners& operator=(listeners const&) = delete;

    /// Starts the threads and listens. False: an address cannot be used; the log says why.
    bool start();
    /// Takes no more records, and waits for the requests under way, at most for `limit`. True: none
    /// is left. A second call from another thread, with a shorter limit, cuts the first one short.
    bool drain_records(std::chrono::milliseconds limit);
    void drain_admin(std::chrono::milliseconds limit);
    /// Ends the threads. A second call does nothing.
    void stop() noexcept;

    /// Of the worker threads.
    [[nodiscard]] heartbeat const& pulse() const noexcept;
    [[nodiscard]] std::size_t http_connections() const;
    [[nodiscard]] std::size_t tcp_connections() const;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::daemon
