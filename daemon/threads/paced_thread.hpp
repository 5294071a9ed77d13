#pragma once

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace tally::daemon {

/// A thread that works, pauses and works again, until it is stopped.
///
///     thread_.start([this] {
///         std::chrono::milliseconds time{0};
///         while (thread_.pause(time)) {
///             time = run_cycle();
///         }
///     });
///     ...
///     thread_.stop([this] { connection_.cancel(); });
///
/// start() and stop() are for the owner, whose destructor calls stop() before anything that the
/// thread uses is gone. The other functions are for any thread.
class paced_thread {
  public:
    using duration = std::chrono::steady_clock::duration;

    paced_thread() = default;
    ~paced_thread() { stop(); }
    paced_thread(paced_thread const&) = delete;
    paced_thread& operator=(paced_thread const&) = delete;

    void start(std::function<void()> work) { thread_ = std::thread{std::move(work)}; }
    /// Ends the pauses, calls `cancel`, which ends what the thread may be waiting for, and waits
    /// for the thread. May be called twice, and without start().
    void stop(std::function<void()> const& cancel = {}) noexcept {
        {
            std::lock_guard const lock{mutex_};
            stopping_ = true;
        }
        signal_.notify_all();
        if (cancel) {
            cancel();
        }
        if (thread_.joinable()) {
            thread_.join();
        }
    }

    /// Ends the next wait_for_wake(), or the one under way.
    void wake() noexcept {
        {
            std::lock_guard const lock{mutex_};
            woken_ = true;
        }
        signal_.notify_all();
    }

    /// Pauses for `time`, or until stop(). False: the thread has to end.
    bool pause(duration time) {
        std::unique_lock lock{mutex_};
        return !signal_.wait_for(lock, time, [this] { return stopping_; });
    }
    /// The same, or until wake().
    bool wait_for_wake(duration time) {
        std::unique_lock lock{mutex_};
        signal_.wait_for(lock, time, [this] { return stopping_ || woken_; });
        woken_ = false;
        return !stopping_;
    }
    [[nodiscard]] bool is_stopping() {
        std::lock_guard const lock{mutex_};
        return stopping_;
    }

  private:
    std::mutex mutex_; ///< guards the flags
    std::condition_variable signal_;
    bool stopping_ = false;
    bool woken_ = false;
    std::thread thread_;
};

} // namespace tally::daemon
