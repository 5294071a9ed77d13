#pragma once

// Included by .cpp files of servers only.

#include "ingest/net/connection.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace tally::ingest {

/// What a protocol gives to its connection_server. The functions are called on the threads of the
/// io_context.
struct connection_plan {
    std::string listen; ///< host:port or [host]:port; port 0 takes a free one
    std::size_t connections_max = 0;
    std::chrono::milliseconds sweep_interval{1'000};
    /// The text to send to a connection over the limit before it is closed.
    std::function<std::string()> too_many;
    std::function<void(std::string_view)> on_warning;
    std::function<std::shared_ptr<connection>(connection::socket)> make;
};

} // namespace tally::ingest
