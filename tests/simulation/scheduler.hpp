#pragma once

#include "tests/simulation/fiber.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <list>
#include <random>

namespace tally::simulation {

/// A process of the simulation: its parts end together.
struct process {
    bool is_dying = false;    ///< its steps end where they wait
    bool is_stopping = false; ///< its lanes give up what they wait for
};

/// Thrown through the step of a process that ends here, without a further instruction.
struct killed {
    process* whole = nullptr;
};

/// Which part runs next.
enum class wake_order : std::uint8_t {
    any,         ///< any part at any time
    due,         ///< one that is due or was woken; without one, time passes until there is
    just_before, ///< the same, one millisecond too early
    just_after   ///< the same, one millisecond late
};

/// Runs the parts of all processes on one thread: one part at a time, up to its next wait (a
/// request, a slow disk, a pause) or the end of its step. Which one runs next is random, so any
/// order of their requests is possible.
class scheduler {
  public:
    using clock = std::chrono::steady_clock;

    explicit scheduler(std::mt19937_64& random) : random_{random} {}

    /// A part. `step` does what is due and gives how long nothing will be; `signal` changes when it
    /// is woken earlier.
    void add(process& owner, std::function<clock::duration()> step,
             std::function<std::uint64_t()> signal = {});

    /// Runs one part, or every part once. An exception of a step passes.
    void run_one();
    void run_all();
    /// Ends the process: `killed` is thrown where its steps wait. Its parts are gone then.
    void kill(process& owner);
    /// Lets the steps of the process that are under way end, and removes its parts. False: one does
    /// not end.
    bool finish(process& owner);

    /// Within a step: others go on, until `time` is over. Throws `killed` when the process ends.
    void wait(clock::duration time);
    /// The same where nothing may be thrown. False: the process ends.
    bool wait_through(clock::duration time) noexcept;
    /// Within a step: throws `killed` if its process ends.
    void check_killed() const;
    /// The process whose step runs; nullptr: none.
    [[nodiscard]] process* running() const noexcept {
        return running_ == nullptr ? nullptr : running_->owner;
    }

    /// Called when time passes to a part's time to wake up; may be empty.
    std::function<void(wake_order)> on_wake;
    clock::time_point now{std::chrono::hours{1000}};
    wake_order order = wake_order::any;

  private:
    struct part {
        process* owner;
        std::function<clock::duration()> step;
        std::function<std::uint64_t()> signal;
        clock::time_point due{};
        std::uint64_t last_signal = 0;
        fiber run{};
    };

    void run(part& next);
    part& choose();
    [[nodiscard]] bool is_due(part const& one) const;

    std::mt19937_64& random_;
    std::list<part> parts_;
    part* running_ = nullptr;
};

} // namespace tally::simulation
