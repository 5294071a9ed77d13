#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace tally::ingest {

struct connection_plan;

/// The server of one address, whatever protocol its connections speak (connection_plan): a bound on
/// their number, deadlines by one sweep, draining. Made by make_http_server() and
/// make_tcp_server().
///
/// Starts no thread: everything runs on the threads that run the io_context, which must outlive it.
///
/// It is ended by drain(), from a thread that does not run the io_context, while others still do.
class connection_server {
  public:
    connection_server(boost::asio::io_context& context, connection_plan plan);
    ~connection_server();
    connection_server(connection_server const&) = delete;
    connection_server& operator=(connection_server const&) = delete;

    /// Binds the address and begins to accept. Empty, or the reason why it failed.
    [[nodiscard]] std::string start();
    /// The port in use once start() succeeded.
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// Closes the port, lets the connections drain for at most `limit`, then cuts the rest off.
    /// True if nothing had to be cut off. Blocks, on a thread that does not run the io_context. May
    /// be called before start(), and a second time.
    bool drain(std::chrono::milliseconds limit);
    /// Connections open now. Any thread.
    [[nodiscard]] std::size_t connections() const noexcept;

  private:
    struct impl;
    std::shared_ptr<impl> impl_; ///< shared with the connections
};

} // namespace tally::ingest
