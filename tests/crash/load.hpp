#pragma once

#include "tests/crash/sample_calls.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tally::crash {

/// The outcome of a push, as far as its sender knows.
enum class push_fate : std::uint8_t {
    unsent,
    unknown,      ///< no response, or a 503: its records may be stored or not
    acknowledged, ///< its records must be stored
};

/// Several senders that push to one or two daemons as fast as these accept, and a record of every
/// acknowledgement. Senders repeat pushes, sometimes ask for ack=commit, and continue when a daemon
/// dies during a request.
class load {
  public:
    static constexpr std::size_t daemons_max = 2;

    /// Sends the pushes from `first_index` on.
    load(std::uint64_t seed, std::uint64_t first_index);
    ~load();
    load(load const&) = delete;
    load& operator=(load const&) = delete;

    /// The port of a daemon; 0: it does not listen.
    void set_port(std::size_t daemon, std::uint16_t port) noexcept { ports_[daemon] = port; }
    void start(unsigned senders);
    void stop();
    /// Whether every tenth push waits for COMMIT. Without a database that is half a minute.
    void ask_for_commit(bool wanted) noexcept { asks_for_commit_ = wanted; }
    /// How long each sender pauses after a push; by default not at all.
    void set_pace(std::chrono::microseconds rest) noexcept { rest_ = rest; }
    /// The number of records in a push. To be called before the first one.
    void set_calls_max(std::uint64_t calls) noexcept { calls_max_ = calls; }
    /// Sends the next push, with so many bytes of blank lines, until it is acknowledged. False: it
    /// is not.
    bool send_next(std::size_t blank_bytes = 0);
    /// Sends pushes for this time over a few connections that stay open, without a pause.
    void send_for(std::chrono::milliseconds time, unsigned senders);
    /// Instead of start(): sends these pushes, in this order, each until it is acknowledged, and
    /// waits until all are.
    void send_each(std::vector<std::uint64_t> indices, unsigned senders);
    /// Reports a push whose records were stored by other means, such as an import.
    void expect(std::uint64_t index, push_fate fate) { note(index, fate); }

    /// Waits until so many more pushes are acknowledged. False: they were not in time.
    bool wait_acknowledged(std::uint64_t more, std::chrono::milliseconds limit) const;

    [[nodiscard]] std::uint64_t first_index() const noexcept { return first_index_; }
    [[nodiscard]] sample_push push_at(std::uint64_t index) const {
        return push_of(seed_, index, calls_max_);
    }
    /// The outcome of the push first_index() + i. Call it after stop().
    [[nodiscard]] std::vector<push_fate> const& fates() const noexcept { return fates_; }
    [[nodiscard]] std::uint64_t acknowledged() const noexcept { return acknowledged_; }
    [[nodiscard]] std::uint64_t refused() const noexcept { return refused_; }
    /// The number of 503 responses without Retry-After.
    [[nodiscard]] std::uint64_t refused_without_time() const noexcept { return without_time_; }
    /// Responses that are wrong in any case.
    [[nodiscard]] std::vector<std::string> findings() const;

  private:
    void send_all(std::uint64_t sender);
    void send_from(std::vector<std::uint64_t> const& indices, std::atomic<std::size_t>& next);
    void send_many(std::chrono::steady_clock::time_point end);
    push_fate send(sample_push const& push, std::uint16_t port, bool wait_for_commit,
                   std::size_t blank_bytes = 0);
    push_fate read_answer(sample_push const& push, unsigned status, std::string const& body);
    void note(std::uint64_t index, push_fate fate);
    void find(std::string text);
    [[nodiscard]] std::uint16_t some_port(std::uint64_t dice) const noexcept;

    std::uint64_t seed_;
    std::uint64_t first_index_;
    std::uint64_t calls_max_ = sample_push::numbers;
    std::array<std::atomic<std::uint16_t>, daemons_max> ports_{};
    std::atomic<std::uint64_t> next_index_;
    std::atomic<std::uint64_t> acknowledged_{0};
    std::atomic<std::uint64_t> refused_{0};
    std::atomic<std::uint64_t> without_time_{0};
    std::atomic<bool> stopping_{false};
    std::atomic<bool> asks_for_commit_{true};
    std::atomic<std::chrono::microseconds> rest_{std::chrono::microseconds{0}};
    mutable std::mutex mutex_; ///< guards the two members below
    std::vector<push_fate> fates_;
    std::vector<std::string> findings_;
    std::vector<std::jthread> senders_;
};

} // namespace tally::crash
