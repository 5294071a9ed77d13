#pragma once

#include "ingest/http/handler.hpp"
#include "ingest/http/observer.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;
}

namespace tally::ingest {

struct http_server_settings {
    std::string listen = "127.0.0.1:8080"; ///< host:port or [host]:port; port 0 takes a free one
    std::size_t connections_max = 1024;    ///< further ones get 503 and are closed
    std::uint32_t header_bytes_max = 16 * 1024; ///< request line and fields; more: 431
    /// For a request's head, and for each 256 KiB of its body: a client that trickles is cut off.
    std::chrono::milliseconds read_timeout{10'000};
    std::chrono::milliseconds idle_timeout{60'000};   ///< between requests
    std::chrono::milliseconds answer_timeout{30'000}; ///< from the body's end to the reply
    std::chrono::milliseconds write_timeout{10'000};  ///< for a client that does not read
};

/// HTTP/1.1 server for one address: keep-alive, pipelining, chunked bodies, Expect.
///
///     accept ─→ session (one coroutine, one strand each)
///                idle ─→ head ─→ handler.begin ─→ body ─→ exchange.finish … reply ─→ write ─┐
///                  ↑                  └ response without body ───────────────────────────→──┤
///                  └────────────────────────────── keep-alive ──────────────────────────────┘
///
/// Starts no thread: everything runs on the threads that run the io_context. The handler and the
/// observer must outlive these threads; the io_context must outlive the server.
///
/// It is ended by drain(), from a thread that does not run the io_context, while others still do.
class http_server {
  public:
    http_server(boost::asio::io_context& context, http_handler& handler, http_observer& observer,
                http_server_settings settings);
    ~http_server();
    http_server(http_server const&) = delete;
    http_server& operator=(http_server const&) = delete;

    /// Binds the address and begins to accept. Empty, or the reason why it failed.
    [[nodiscard]] std::string start();

    /// The port in use once start() succeeded.
    [[nodiscard]] std::uint16_t port() const noexcept;

    /// Stops accepting, closes idle connections, lets requests in progress finish for at most
    /// `limit`, then cuts the rest off. True if nothing had to be cut off. Blocks. May be called
    /// before start(), and a second time.
    bool drain(std::chrono::milliseconds limit);

    /// Connections open now. Any thread.
    [[nodiscard]] std::size_t connections() const noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::ingest
