#pragma once

#include <string_view>

namespace tally::ingest {

/// Hears of what the HTTP and TCP servers do with connections, whatever the requests mean; in the
/// daemon, its metrics. Any thread, several at once.
class connection_observer {
  public:
    connection_observer() = default;
    connection_observer(connection_observer const&) = delete;
    connection_observer& operator=(connection_observer const&) = delete;
    virtual ~connection_observer() = default;

    /// A response is sent. `endpoint` is the handler's name of the route, or empty if the request
    /// did not reach a handler (not HTTP, head too large, too many connections). Protocols without
    /// responses do not call it.
    virtual void answered(std::string_view endpoint, unsigned status) noexcept = 0;
    /// The server itself failed in some way, and the operator may have to act (no file descriptors
    /// left). Worth a log line, rate-limited.
    virtual void warning(std::string_view text) noexcept = 0;
};

} // namespace tally::ingest
