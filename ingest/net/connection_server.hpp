#pragma once

// Included by .cpp files of servers only.

#include "ingest/net/connection.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tally::ingest {

/// Accepts the connections of one address and supervises them, whatever protocol they speak: a
/// bound on their number, deadlines by one sweep, draining. The HTTP and the TCP server are built
/// on it.
///
/// Starts no thread: everything runs on the threads that run the io_context, which must outlive it.
class connection_server {
  public:
    struct plan {
        std::string listen;
        std::size_t connections_max = 0;
        std::chrono::milliseconds sweep_interval{1'000};
        /// The text to send to a connection over the limit before it is closed.
        std::function<std::string()> too_many;
        std::function<void(std::string_view)> on_warning;
        std::function<std::shared_ptr<connection>(connection::socket)> make;
    };

    connection_server(boost::asio::io_context& context, plan settings);
    ~connection_server();
    connection_server(connection_server const&) = delete;
    connection_server& operator=(connection_server const&) = delete;

    /// Binds the address and begins to accept. Empty, or the reason why it failed.
    [[nodiscard]] std::string start();
    /// The port in use once start() succeeded.
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// Stops accepting, lets the connections drain for at most `limit`, then cuts the rest off.
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
