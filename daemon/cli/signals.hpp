#pragma once

#include <chrono>
#include <csignal>
#include <optional>

namespace tally::daemon {

/// Waits for SIGTERM, SIGINT and SIGHUP, instead of handling them in a signal handler. The
/// constructor blocks them for the calling thread and for the threads that it starts afterwards, so
/// main makes this object before any other thread.
class signals {
  public:
    signals();

    /// The next signal; nullopt when none arrived within `limit`.
    [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit) const;

  private:
    sigset_t set_{};
};

} // namespace tally::daemon
