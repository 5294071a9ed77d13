#pragma once

#include "ingest/record_sink.hpp"

#include <concurrentqueue/blockingconcurrentqueue.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <utility>

namespace tally::daemon {

/// moodycamel's queue with a bound and an end: its own capacity is only a minimum, and it cannot be
/// closed. Many producers, one consumer.
template <typename T>
class bounded_queue {
  public:
    explicit bounded_queue(std::size_t items_max) : items_max_{items_max} {}

    [[nodiscard]] ingest::push_status try_push(T&& item) {
        if (closed_.load(std::memory_order_acquire)) {
            return ingest::push_status::closed;
        }
        if (size_.fetch_add(1, std::memory_order_acq_rel) >= items_max_) {
            size_.fetch_sub(1, std::memory_order_acq_rel);
            return ingest::push_status::full;
        }
        queue_.enqueue(std::move(item));
        return ingest::push_status::pushed;
    }
    /// Waits for an item. False when there was none in time.
    template <typename Duration>
    [[nodiscard]] bool pop(T& item, Duration wait_max) {
        if (!queue_.wait_dequeue_timed(item, wait_max)) {
            return false;
        }
        size_.fetch_sub(1, std::memory_order_acq_rel);
        return true;
    }
    /// Nothing is taken any more; what is inside can still be popped.
    void close() noexcept { closed_.store(true, std::memory_order_release); }
    [[nodiscard]] bool closed() const noexcept { return closed_.load(std::memory_order_acquire); }
    [[nodiscard]] std::size_t size() const noexcept {
        return size_.load(std::memory_order_relaxed);
    }

  private:
    std::size_t items_max_;
    std::atomic<std::size_t> size_{0};
    std::atomic<bool> closed_{false};
    moodycamel::BlockingConcurrentQueue<T> queue_;
};

} // namespace tally::daemon
