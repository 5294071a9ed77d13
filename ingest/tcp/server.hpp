#pragma once

#include "ingest/net/connection_observer.hpp"
#include "ingest/net/connection_server.hpp"
#include "ingest/record/push_observer.hpp"
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

/// What the sessions of a server report to. Both must outlive the threads that run the io_context
/// and every block in flight.
struct tcp_observers {
    push_observer& pushes;
    connection_observer& connections;
};

/// Accepts records as lines over TCP and acknowledges the first N of each connection once they are
/// durable (TCP.md). drain() stops reading, acknowledges what was read, and closes.
std::unique_ptr<connection_server> make_tcp_server(boost::asio::io_context& context,
                                                   record_sink& sink, tcp_observers observers,
                                                   tcp_server_settings settings);

} // namespace tally::ingest
