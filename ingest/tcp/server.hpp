#pragma once

#include "ingest/http/observer.hpp"
#include "ingest/record/record_sink.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace tally::ingest {

struct tcp_server_settings {
    std::string listen; ///< host:port or [host]:port; port 0 takes a free one
    std::size_t connections_max = 256;
    std::chrono::milliseconds idle_timeout{600'000}; ///< without a byte, and nothing in flight
    std::chrono::milliseconds write_timeout{10'000}; ///< for a client that does not read
};

/// Accepts records as lines over TCP and acknowledges the first N of each connection once they are
/// durable (TCP.md). Starts no thread; ended by drain(), like http_server.
class tcp_server {
  public:
    tcp_server(boost::asio::io_context& context, record_sink& sink, http_observer& observer,
               tcp_server_settings settings);
    ~tcp_server();
    tcp_server(tcp_server const&) = delete;
    tcp_server& operator=(tcp_server const&) = delete;

    /// Starts listening. Empty, or what is wrong with the address.
    [[nodiscard]] std::string start();
    [[nodiscard]] std::uint16_t port() const noexcept;
    /// Stops reading, acknowledges what was read, closes. True if that was done in time.
    bool drain(std::chrono::milliseconds limit);
    [[nodiscard]] std::size_t connections() const noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::ingest
