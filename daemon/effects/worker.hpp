#pragma once

#include "daemon/threads/failure_report.hpp"
#include "daemon/threads/heartbeat.hpp"
#include "storage/effects/effect_store.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

namespace tally::daemon {

/// Receives what became of effects, and how many wait. Called on the worker's thread.
struct effects_observer {
    std::function<void(storage::effect_counts const&)> applied; ///< after each transaction
    std::function<void(storage::waiting_effects const&)> waiting;
};

/// Applies the effects of stored events (docs/ARCHITECTURE.md, R17). A thread with a connection of
/// its own, which works when lanes have queued effects, and polls for those that another daemon
/// left behind. Several daemons take turns, transaction by transaction.
class effects_worker {
  public:
    effects_worker(std::unique_ptr<storage::effect_store> store, effects_observer observer,
                   failure_report& failures);
    ~effects_worker();
    effects_worker(effects_worker const&) = delete;
    effects_worker& operator=(effects_worker const&) = delete;

    [[nodiscard]] heartbeat const& pulse() const noexcept { return pulse_; }
    void start();
    /// Effects were queued. Any thread.
    void wake() noexcept;
    /// Asks for the end once no effect waits, or the database fails; true: it ended within `limit`.
    /// To be called when no lane queues effects any longer. What is left waits for the next start.
    bool drain(std::chrono::milliseconds limit);
    /// Cancels the transaction under way: its effects wait in the database.
    void stop() noexcept;

    /// What the thread does in one cycle: applies what waits. Returns the time until the next one
    /// that nothing wakes.
    std::chrono::milliseconds apply();

  private:
    using clock = std::chrono::steady_clock;

    void run() noexcept;
    storage::result apply_waiting();
    storage::result count_waiting();
    bool wait(std::chrono::milliseconds time);
    [[nodiscard]] bool is_stopping();

    effects_observer observer_;
    failure_report& failures_;
    heartbeat pulse_{"effects"};
    std::unique_ptr<storage::effect_store> store_;
    std::chrono::milliseconds pause_{0}; ///< after the last failure
    clock::time_point counted_at_;       ///< when the waiting ones were counted last

    std::mutex mutex_; ///< guards the members below
    std::condition_variable wake_;
    bool is_woken_ = false;
    bool draining_ = false;
    bool stopping_ = false;
    bool in_last_cycle_ = false; ///< of a drain
    bool ended_ = false;
    std::thread thread_;
};

} // namespace tally::daemon
