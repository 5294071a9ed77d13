#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace tally::daemon {

/// What a part's thread does.
enum class part_state : std::uint8_t {
    resting,              ///< waits for work, for any time
    working,              ///< has work; a step of it takes milliseconds, seconds at most
    waiting_for_database, ///< a request is under way, or PostgreSQL is unavailable: it may take long
};

/// "resting", "working", "waiting_for_database".
constexpr std::string_view name_of(part_state state) noexcept {
    switch (state) {
    case part_state::resting:
        return "resting";
    case part_state::working:
        return "working";
    case part_state::waiting_for_database:
        break;
    }
    return "waiting_for_database";
}

/// The sign of life of one part of the daemon, which its thread gives and others look at: a thread
/// that hangs reports no failure (docs/ARCHITECTURE.md, R4).
///
///     while (...) {
///         pulse.work(); // so far
///         { database_wait const waiting{pulse}; connection.query(...); }
///         pulse.rest();
///         queue.pop(...);
///     }
///
/// One thread writes, any thread reads. Costs a look at the clock per step, never per record.
class heartbeat {
  public:
    using clock = std::chrono::steady_clock;

    struct reading {
        part_state state = part_state::resting;
        clock::duration time{}; ///< since when it is in this state, or has got this far

        /// How long it has had work and got no further.
        [[nodiscard]] clock::duration standing() const noexcept {
            return state == part_state::working ? time : clock::duration::zero();
        }
    };

    explicit heartbeat(std::string part) : part_{std::move(part)} { rest(); }

    void work(clock::time_point now = clock::now()) noexcept { set(part_state::working, now); }
    void rest(clock::time_point now = clock::now()) noexcept { set(part_state::resting, now); }
    void wait_for_database(clock::time_point now = clock::now()) noexcept {
        set(part_state::waiting_for_database, now);
    }

    /// One or two words: "lane 0", "journal writer".
    [[nodiscard]] std::string const& part() const noexcept { return part_; }
    [[nodiscard]] reading read(clock::time_point now) const noexcept {
        auto const packed = packed_.load(std::memory_order_relaxed);
        clock::time_point const since{clock::duration{packed & ~state_mask}};
        return {static_cast<part_state>(packed & state_mask),
                since < now ? now - since : clock::duration::zero()};
    }

  private:
    // The state in the lowest two bits of the time in nanoseconds: both change at once.
    static constexpr std::int64_t state_mask = 3;

    void set(part_state state, clock::time_point now) noexcept {
        std::int64_t const since = now.time_since_epoch().count();
        packed_.store((since & ~state_mask) | static_cast<std::int64_t>(state),
                      std::memory_order_relaxed);
    }

    std::string part_;
    std::atomic<std::int64_t> packed_{0};
};

/// The thread waits for the database during its lifetime, and works afterwards.
class database_wait {
  public:
    explicit database_wait(heartbeat& pulse) noexcept : pulse_{pulse} { pulse.wait_for_database(); }
    ~database_wait() { pulse_.work(); }
    database_wait(database_wait const&) = delete;
    database_wait& operator=(database_wait const&) = delete;

  private:
    heartbeat& pulse_;
};

} // namespace tally::daemon
