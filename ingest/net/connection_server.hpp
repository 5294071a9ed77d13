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

/// Accepts the connections of one address and looks after them, whatever they speak: a bound on
/// their number, deadlines by one sweep, draining. The servers are made of it.
///
/// Starts no thread: everything runs on the threads that run the io_context, which outlives it.
class connection_server {
  public:
    struct plan {
        std::string listen;
        std::size_t connections_max = 0;
        std::chrono::milliseconds sweep_interval{1'000};
        /// What is said to a connection that is one too many, before it is closed.
        std::function<std::string()> too_many;
        std::function<void(std::string_view)> trouble;
        std::function<std::shared_ptr<connection>(connection::socket)> make;
    };

    connection_server(boost::asio::io_context& context, plan how);
    ~connection_server();
    connection_server(connection_server const&) = delete;
    connection_server& operator=(connection_server const&) = delete;

    /// Binds the address and begins to accept. Empty, or what is wrong with the address.
    [[nodiscard]] std::string start();
    /// The port in use once start() succeeded.
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// Stops accepting, lets the connections drain for at most `limit`, then cuts the rest off.
    /// True when nothing had to be cut off. Blocks, on a thread that does not run the io_context;
    /// also fine before start() and a second time.
    bool drain(std::chrono::milliseconds limit);
    /// Connections open now. Any thread.
    [[nodiscard]] std::size_t connections() const noexcept;

  private:
    struct impl;
    std::shared_ptr<impl> impl_; ///< connections hold it as well
};

} // namespace tally::ingest
