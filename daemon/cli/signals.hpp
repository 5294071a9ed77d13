#pragma once

#include <chrono>
#include <csignal>
#include <optional>

namespace tally::daemon {

/// SIGTERM, SIGINT and SIGHUP as something to wait for instead of handlers. Blocks them for the
/// thread that makes it and for those it starts from then on: made by main before any other thread.
class signals {
  public:
    signals();

    /// The next signal; nullopt when none came in time.
    [[nodiscard]] std::optional<int> wait(std::chrono::milliseconds limit) const;

  private:
    sigset_t set_{};
};

} // namespace tally::daemon
