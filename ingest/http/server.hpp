#pragma once

#include "ingest/http/handler.hpp"
#include "ingest/net/connection_observer.hpp"
#include "ingest/net/connection_server.hpp"

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

/// HTTP/1.1 for one address: keep-alive, pipelining, chunked bodies, Expect.
///
///     accept ─→ session (one coroutine, one strand each)
///                idle ─→ head ─→ handler.begin ─→ body ─→ exchange.finish … reply ─→ write ─┐
///                  ↑                  └ response without body ───────────────────────────→──┤
///                  └────────────────────────────── keep-alive ──────────────────────────────┘
///
/// The handler and the observer must outlive the threads that run the io_context. drain() closes
/// idle connections and lets requests in progress finish.
std::unique_ptr<connection_server> make_http_server(boost::asio::io_context& context,
                                                    http_handler& handler,
                                                    connection_observer& observer,
                                                    http_server_settings settings);

} // namespace tally::ingest
