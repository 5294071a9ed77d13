#pragma once

#include <memory>
#include <mutex>
#include <utility>

namespace tally::daemon {

/// The current version of an immutable object, which is replaced as a whole. Readers take it once
/// per block or request, never per record, so a mutex is fast enough. Any thread.
template <typename T>
class snapshot {
  public:
    /// nullptr until the first set().
    [[nodiscard]] std::shared_ptr<T const> get() const {
        std::lock_guard const lock{mutex_};
        return current_;
    }
    void set(std::shared_ptr<T const> next) {
        std::lock_guard const lock{mutex_};
        current_.swap(next); // the old one is freed outside the lock, by `next`
    }

  private:
    mutable std::mutex mutex_; ///< guards current_
    std::shared_ptr<T const> current_;
};

} // namespace tally::daemon
