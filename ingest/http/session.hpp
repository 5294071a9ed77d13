#pragma once

// Included by session*.cpp and server.cpp only: Beast is heavy.

#include "ingest/http/handler.hpp"
#include "ingest/http/server.hpp"
#include "ingest/net/connection.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>

namespace tally::ingest {

/// Shared by a server and its sessions.
struct http_session_context {
    http_handler& handler;
    connection_observer& observer;
    http_server_settings const& settings;
};

/// One connection: a coroutine on its own strand, which ends when the connection does. Its failure
/// does not affect others. Other threads call only the overrides of `connection`, which post to the
/// strand, and the reply.
///
///     idle ─→ reading ─→ answering ─→ writing ─→ idle, closed, or lingering ─→ closed
///               └ response without body ──↑
///
/// A session has one deadline. Each stage moves it, and the server's sweep checks it: an Asio timer
/// for every read and write would cost more than the reads and writes.
class http_session final : public connection, public std::enable_shared_from_this<http_session> {
  public:
    http_session(socket accepted, http_session_context context);

    void start(std::function<void()> ended) override;
    void sweep(clock::time_point now) override;
    void drain() override; ///< no request after the current one
    void abort() override;

  private:
    template <typename Result>
    using task = boost::asio::awaitable<Result, strand>;
    using await_tuple_t = boost::asio::as_tuple_t<boost::asio::use_awaitable_t<strand>>;
    using parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;
    using timer = boost::asio::basic_waitable_timer<clock, boost::asio::wait_traits<clock>, strand>;

    /// What the session waits for; it decides what happens after the deadline.
    enum class stage : std::uint8_t { idle, reading, answering, writing, lingering };
    /// How reading a body ended.
    enum class body_end : std::uint8_t { complete, refused, lost };
    enum class next_step : std::uint8_t { next_request, close, linger_and_close };

    task<void> run();
    task<bool> wait_for_request();
    task<next_step> serve_request();
    task<next_step> serve_exchange(std::unique_ptr<http_exchange> exchange);
    task<next_step> reject_unreadable(boost::system::error_code error);
    task<next_step> reject_unread(http_response response);

    task<body_end> read_body(http_exchange& exchange, std::string& body, http_response& refusal);
    task<body_end> read_sized_body(std::uint64_t length, std::string& body);
    task<body_end> read_chunked_body(http_exchange& exchange, std::string& body,
                                     http_response& refusal);
    task<bool> send_continue();
    task<bool> discard_body(std::uint64_t bytes);
    task<http_response> wait_for_response(http_exchange& exchange, std::string body);
    task<bool> write_response(http_response response, bool keep_alive);
    task<void> linger();

    [[nodiscard]] http_step begin_request();
    [[nodiscard]] std::optional<http_response> head_obstacle() const;
    http_reply make_reply();
    void deliver(std::uint64_t request, http_response response);
    void enter(stage now, std::chrono::milliseconds limit);
    void time_out();
    void close() noexcept;

    socket socket_;
    http_session_context context_;
    timer reply_timer_; ///< never expires: canceled to wake the coroutine
    boost::beast::flat_buffer buffer_;
    std::optional<parser> parser_;
    std::vector<http_field> fields_;
    std::optional<http_response> reply_;
    std::uint64_t request_ = 0; ///< number of the current request: recognizes late replies
    boost::system::error_code body_error_; ///< why reading a body failed
    bool peer_is_loopback_ = false;
    bool draining_ = false;
    bool timed_out_ = false;
    bool aborted_ = false;
    stage stage_ = stage::idle;
    std::atomic<clock::rep> deadline_{clock::time_point::max().time_since_epoch().count()};
};

} // namespace tally::ingest
