#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace tally::daemon {

/// What a part's thread does.
enum class part_state : std::uint8_t {
    resting,              ///< waits for work, for any time
    working,              ///< has work; a step of it takes milliseconds, seconds at most
    waiting_for_database, ///< a request is under way, or PostgreSQL is unavailable: takes any time
    awaiting_answer,      ///< a request is under way whose statements have a time limit
    refused_by_database,  ///< PostgreSQL is there, and refuses its request each time
};

/// Longer than a request of a lane, the feeder or the position keeper takes: it is a few
/// statements, each within pq_connection::limits. A server that takes longer hangs.
inline constexpr std::chrono::minutes answer_max{5};

/// "resting", "working", "waiting_for_database" (also of one that awaits an answer),
/// "refused_by_database".
std::string_view name_of(part_state state) noexcept;

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
/// A request that fails although the database is there is reported as well, and counts as standing
/// from its first failure on, whatever the thread does between its attempts.
///
/// One thread writes, any thread reads. Costs a look at the clock per step, never per record.
class heartbeat {
  public:
    using clock = std::chrono::steady_clock;

    struct reading {
        part_state state = part_state::resting;
        clock::duration time{}; ///< since when it is in this state, or has got this far

        /// How long it has had work and got no further.
        [[nodiscard]] clock::duration standing() const noexcept;
    };

    explicit heartbeat(std::string part) : part_{std::move(part)} { rest(); }

    void work(clock::time_point now = clock::now()) noexcept { set(part_state::working, now); }
    void rest(clock::time_point now = clock::now()) noexcept { set(part_state::resting, now); }
    void wait_for_database(clock::time_point now = clock::now()) noexcept {
        set(part_state::waiting_for_database, now);
    }
    void await_answer(clock::time_point now = clock::now()) noexcept {
        set(part_state::awaiting_answer, now);
    }

    /// The database refused `request`, perhaps not for the first time in a row; `detail` is for the
    /// operator.
    void refused(std::string_view request, std::string detail,
                 clock::time_point now = clock::now());
    /// The database answered `request`. Ends the refusals of this one: others prove nothing.
    void answered(std::string_view request) noexcept;
    /// Ends refusals: the work was done otherwise, or the session is lost.
    void get_further() noexcept { refused_since_.store(0, std::memory_order_relaxed); }

    /// One or two words: "lane 0", "journal writer".
    [[nodiscard]] std::string const& part() const noexcept { return part_; }
    [[nodiscard]] reading read(clock::time_point now) const noexcept;
    /// Of the last refusal; empty: there was none.
    [[nodiscard]] std::string detail() const;

  private:
    void set(part_state state, clock::time_point now) noexcept;

    std::string part_;
    std::atomic<std::int64_t> packed_{0};        ///< time and state in one; see set()
    std::atomic<std::int64_t> refused_since_{0}; ///< time of the first refusal in a row; 0: none
    std::string request_;                        ///< the refused one; used by the thread
    mutable std::mutex mutex_;                   ///< guards detail_
    std::string detail_;
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

/// The same for the answer to one request.
class answer_wait : public database_wait {
  public:
    explicit answer_wait(heartbeat& pulse) noexcept : database_wait{pulse} { pulse.await_answer(); }
};

} // namespace tally::daemon
