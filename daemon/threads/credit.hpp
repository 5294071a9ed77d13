#pragma once

#include <atomic>
#include <cstdint>

namespace tally::daemon {

/// A budget in bytes that bounds the memory of inputs under way: taken before an input is read,
/// given back when its records are stored. Lock-free, any thread. docs/ARCHITECTURE.md, R12.
class credit {
  public:
    explicit credit(std::int64_t limit) noexcept : limit_{limit} {}

    /// Takes `units` if the budget has them. A request that is larger than the whole budget is
    /// granted when nothing else is under way: otherwise it could never pass.
    [[nodiscard]] bool take(std::int64_t units) noexcept {
        std::int64_t used = used_.load(std::memory_order_relaxed);
        while (used == 0 || used + units <= limit_) {
            if (used_.compare_exchange_weak(used, used + units, std::memory_order_acq_rel)) {
                return true;
            }
        }
        return false;
    }
    void give_back(std::int64_t units) noexcept {
        used_.fetch_sub(units, std::memory_order_acq_rel);
    }
    [[nodiscard]] std::int64_t used() const noexcept {
        return used_.load(std::memory_order_relaxed);
    }

  private:
    std::int64_t limit_;
    std::atomic<std::int64_t> used_{0};
};

} // namespace tally::daemon
