#pragma once

#include <atomic>
#include <string_view>

namespace tally::daemon {

/// Where a part that cannot go on (a bug, no memory, a journal or database that is not what it was)
/// says so, so that the daemon ends with an exit code of its own instead of standing still. Main
/// looks at has_failed() while it serves. Any thread. docs/ARCHITECTURE.md, R4.
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
