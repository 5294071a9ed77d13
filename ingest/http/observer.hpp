#pragma once

#include "ingest/base/record_error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// Records of one push, counted when its response is known. received = accepted + rejected; records
/// that the source's settings leave out (b-legs) are in none of them.
struct push_counts {
    std::string_view source; ///< name
    std::string_view kind;   ///< "cdr" or "event"
    std::uint32_t received = 0;
    std::uint32_t accepted = 0; ///< stored, a duplicate, or waiting in suspense
    /// Rejected records, by reason.
    std::array<std::uint32_t, static_cast<std::size_t>(record_error::count_)> rejected{};
};

/// Counts what the HTTP and TCP servers do; in the daemon, its metrics. Called once per request,
/// never per record. Any thread, several at once.
class http_observer {
  public:
    http_observer() = default;
    http_observer(http_observer const&) = delete;
    http_observer& operator=(http_observer const&) = delete;
    virtual ~http_observer() = default;

    /// A response is sent. `endpoint` is the handler's name of the route, or empty if the request
    /// did not reach a handler (not HTTP, head too large, too many connections).
    virtual void answered(std::string_view endpoint, unsigned status) noexcept = 0;
    virtual void counted(push_counts const& counts) noexcept = 0;
    /// Seconds from the head of a push to its response, for pushes that were stored.
    virtual void acknowledged(double seconds) noexcept = 0;
    /// The server itself failed in some way, and the operator may have to act (no file descriptors
    /// left). Worth a log line, rate-limited.
    virtual void trouble(std::string_view text) noexcept = 0;
};

} // namespace tally::ingest
