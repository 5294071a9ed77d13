#pragma once

// Included by session.cpp and server.cpp only.

#include "ingest/net/connection.hpp"
#include "ingest/tcp/intake.hpp"
#include "ingest/tcp/server.hpp"

#include <array>
#include <atomic>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace tally::ingest {

/// Shared by the sessions; the last of them may outlive the server.
struct tcp_session_context {
    record_sink& sink;
    tcp_observers const observers;
    tcp_server_settings const settings;

    tcp_session_context(record_sink& records, tcp_observers listeners, tcp_server_settings chosen)
        : sink{records}, observers{listeners}, settings{std::move(chosen)} {}
};

/// A connection of the TCP endpoint: two coroutines on one strand around a tcp_intake. One reads
/// and hands over; the other sends what there is to send and sleeps until `news_` is canceled. Both
/// run on the strand, so no news is missed between the check and the sleep.
class tcp_session final : public connection, public std::enable_shared_from_this<tcp_session> {
  public:
    tcp_session(socket accepted, std::shared_ptr<tcp_session_context const> context);

    void start(std::function<void()> ended) override;
    void sweep(clock::time_point now) override;
    void drain() override;
    void abort() override;

  private:
    template <typename Result>
    using task = boost::asio::awaitable<Result, strand>;
    using timer = boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, strand>;

    task<void> read();
    task<void> write();
    task<bool> send(std::string const& text);
    task<bool> read_some();
    task<bool> hand_over();
    task<void> wait_for_room();
    task<void> wait_for_news();
    void stored(std::uint64_t group, bool durable);
    void stop_reading();
    void finished();
    void close();
    void not_idle() noexcept;

    socket socket_;
    std::shared_ptr<tcp_session_context const> context_;
    timer news_; ///< wakes the writer
    timer room_; ///< lets the reader wait for room
    tcp_intake intake_;
    std::array<char, 64 * 1024> buffer_;
    std::function<void()> ended_;
    std::atomic<clock::rep> idle_deadline_;  ///< moved by every byte from the peer
    std::atomic<clock::rep> write_deadline_; ///< of the write in progress; else never
    int running_ = 0;                        ///< number of running coroutines
    bool reading_ = true;
};

} // namespace tally::ingest
