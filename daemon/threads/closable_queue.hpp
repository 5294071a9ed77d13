#pragma once

#include <blockingconcurrentqueue.h>

#include <atomic>
#include <new>
#include <utility>

namespace tally::daemon {

/// moodycamel's queue, with a close(). It has no bound of its own: the credit that was taken before
/// (credit.hpp) bounds what is under way, and an item that is refused here because the queue is
/// full would be a gap in its stream (docs/ARCHITECTURE.md, R2). Many producers, one consumer.
template <typename T>
class closable_queue {
  public:
    /// False once the queue is closed, and from then on always; the caller keeps the item. Throws
    /// std::bad_alloc.
    [[nodiscard]] bool push(T&& item) {
        if (closed_.load(std::memory_order_acquire)) {
            return false;
        }
        size_.fetch_add(1, std::memory_order_acq_rel);
        if (!queue_.enqueue(std::move(item))) {
            size_.fetch_sub(1, std::memory_order_acq_rel);
            throw std::bad_alloc{};
        }
        return true;
    }
    /// Takes an item that is there; does not wait.
    [[nodiscard]] bool try_pop(T& item) {
        if (!queue_.try_dequeue(item)) {
            return false;
        }
        size_.fetch_sub(1, std::memory_order_acq_rel);
        return true;
    }
    /// Waits for an item. False when none arrived within `wait_max`. Spins for some 20 us before it
    /// sleeps, however short the wait is.
    template <typename Duration>
    [[nodiscard]] bool pop(T& item, Duration wait_max) {
        if (!queue_.wait_dequeue_timed(item, wait_max)) {
            return false;
        }
        size_.fetch_sub(1, std::memory_order_acq_rel);
        return true;
    }
    /// Refuses items from now on; those in the queue can still be popped.
    void close() noexcept { closed_.store(true, std::memory_order_release); }
    [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
    [[nodiscard]] bool is_empty() const noexcept {
        return size_.load(std::memory_order_relaxed) == 0;
    }

  private:
    std::atomic<std::size_t> size_{0};
    std::atomic<bool> closed_{false};
    moodycamel::BlockingConcurrentQueue<T> queue_;
};

} // namespace tally::daemon
