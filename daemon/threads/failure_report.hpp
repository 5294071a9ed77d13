#pragma once

#include <atomic>
#include <string_view>

namespace tally::daemon {

/// A part that cannot continue (a bug, no memory, unexpected contents of the journal or the
/// database) reports it here. The daemon then ends with its own exit code instead of doing nothing.
/// The main thread polls has_failed(). Any thread. docs/ARCHITECTURE.md, R4.
class failure_report {
  public:
    /// Logs the reason. `part` is one word: "lane", "journal".
    void report(std::string_view part, std::string_view reason) noexcept;
    [[nodiscard]] bool has_failed() const noexcept {
        return failed_.load(std::memory_order_acquire);
    }

  private:
    std::atomic<bool> failed_{false};
};

} // namespace tally::daemon
