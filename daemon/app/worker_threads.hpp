#pragma once

#include <cstddef>
#include <memory>

namespace boost::asio {
class io_context;
}

namespace tally::daemon {

/// The threads that run the HTTP servers' io_context. Apart from the composition root so that it
/// need not see Asio.
class worker_threads {
  public:
    worker_threads();
    ~worker_threads();
    worker_threads(worker_threads const&) = delete;
    worker_threads& operator=(worker_threads const&) = delete;

    [[nodiscard]] boost::asio::io_context& context() noexcept;
    void start(std::size_t threads);
    /// Ends the context's work and waits for the threads. Harmless a second time.
    void stop() noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::daemon
