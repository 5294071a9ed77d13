#pragma once

// Included by .cpp files of sessions and servers only: Asio's coroutines are heavy.

#include <chrono>
#include <functional>
#include <memory>

#include <boost/asio/basic_stream_socket.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/strand.hpp>

namespace tally::ingest {

/// One open connection of a connection_server: a coroutine on its own strand, which ends when the
/// connection does. Its failure does not affect others.
class connection {
  public:
    using strand = boost::asio::strand<boost::asio::io_context::executor_type>;
    using socket = boost::asio::basic_stream_socket<boost::asio::ip::tcp, strand>;
    using clock = std::chrono::steady_clock;

    connection() = default;
    connection(connection const&) = delete;
    connection& operator=(connection const&) = delete;
    virtual ~connection() = default;

    /// Begins; `ended` is called on the strand when the connection has ended.
    virtual void start(std::function<void()> ended) = 0;

    // Any thread.
    virtual void sweep(clock::time_point now) = 0; ///< ends what has passed its deadline
    virtual void drain() = 0;                      ///< accepts nothing new
    virtual void abort() = 0;                      ///< closes at once
};

/// Whether the peer is on this machine, by IPv4 or IPv6. False once the peer has gone.
bool has_loopback_peer(connection::socket const& socket);

} // namespace tally::ingest
