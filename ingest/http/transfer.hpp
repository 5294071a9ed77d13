#pragma once

// Included by session.* and transfer.cpp only: Beast is heavy.

#include "ingest/http/handler.hpp"
#include "ingest/http/server.hpp"
#include "ingest/net/connection.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/basic_stream_socket.hpp>
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

/// The bytes of a connection: heads and bodies in, responses out, each with its deadline. What they
/// mean is the session's. On the session's strand, except is_overdue().
///
/// There is one deadline. Each stage moves it, and the server's sweep checks it: an Asio timer for
/// every read and write would cost more than the reads and writes.
class http_transfer {
  public:
    using socket = connection::socket;
    using strand = connection::strand;
    using clock = connection::clock;
    template <typename Result>
    using task = boost::asio::awaitable<Result, strand>;
    using await_tuple_t = boost::asio::as_tuple_t<boost::asio::use_awaitable_t<strand>>;
    using parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;

    /// What the connection waits for; it decides what happens after the deadline.
    enum class stage : std::uint8_t { idle, reading, answering, writing, lingering };
    /// How reading a body ended.
    enum class body_end : std::uint8_t { complete, refused, lost };

    http_transfer(socket accepted, http_session_context const& context);

    /// Waits for the first bytes of a request; false: the connection has ended.
    task<bool> wait_for_bytes();
    /// Reads the head of the next request, which request() has afterwards.
    task<boost::system::error_code> read_head();
    [[nodiscard]] parser const& request() const noexcept { return *parser_; }

    /// Reads the body with the exchange's credit. `refused`: `refusal` is the response; `lost`:
    /// body_error() is the reason.
    task<body_end> read_body(http_exchange& exchange, std::string& body, http_response& refusal);
    [[nodiscard]] boost::system::error_code body_error() const noexcept { return body_error_; }
    /// Reads and drops `bytes`: those in the buffer first, then those from the socket.
    task<bool> discard_body(std::uint64_t bytes);

    /// Writes a whole response; false: the client has gone or did not read it in time.
    task<bool> write_response(http_response response, bool keep_alive);
    /// A lingering close: see linger_bytes_max.
    task<void> linger();

    /// Begins a stage: its deadline replaces the one before.
    void enter(stage next, std::chrono::milliseconds limit);
    [[nodiscard]] stage current() const noexcept { return stage_; }
    /// Any thread; a deadline that is seen late is found by the next sweep.
    [[nodiscard]] bool is_overdue(clock::time_point now) const noexcept;
    /// Marks the stage as timed out, and ends a read or closes the connection.
    void time_out();
    [[nodiscard]] bool timed_out() const noexcept { return timed_out_; }
    /// The operation in progress ends with an error, and its coroutine with it.
    void close() noexcept;

    [[nodiscard]] strand executor() { return socket_.get_executor(); }
    [[nodiscard]] bool peer_is_loopback() const noexcept { return peer_is_loopback_; }

  private:
    task<body_end> read_sized_body(std::uint64_t length, std::string& body);
    task<body_end> read_chunked_body(http_exchange& exchange, std::string& body,
                                     http_response& refusal);
    task<bool> send_continue();

    socket socket_;
    http_session_context context_;
    boost::beast::flat_buffer buffer_;
    std::optional<parser> parser_;
    boost::system::error_code body_error_; ///< why reading a body failed
    bool peer_is_loopback_ = false;
    bool timed_out_ = false;
    stage stage_ = stage::idle;
    std::atomic<clock::rep> deadline_{clock::time_point::max().time_since_epoch().count()};
};

} // namespace tally::ingest
