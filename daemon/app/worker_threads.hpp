#pragma once

#include "daemon/threads/failure_report.hpp"
#include "daemon/threads/heartbeat.hpp"

#include <cstddef>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace tally::daemon {

/// The threads that run the io_context of the HTTP and TCP servers. A class of its own, so that
/// service.cpp does not include Asio.
class worker_threads {
  public:
    explicit worker_threads(failure_report& failures);
    ~worker_threads();
    worker_threads(worker_threads const&) = delete;
    worker_threads& operator=(worker_threads const&) = delete;

    [[nodiscard]] boost::asio::io_context& context() noexcept;
    void start(std::size_t threads);
    /// Ends the context's work and waits for the threads. A second call does nothing.
    void stop() noexcept;
    /// Stands still when no thread has been free for a while.
    [[nodiscard]] heartbeat const& pulse() const noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::daemon
