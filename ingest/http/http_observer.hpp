#pragma once

#include "ingest/base/record_error.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// Records of one push, counted when its answer is known. received = accepted + rejected; those
/// that the source's settings leave out (b-legs) are in none of them.
struct push_counts {
    std::string_view source; ///< name
    std::string_view kind;   ///< "cdr" or "event"
    std::uint32_t received = 0;
    std::uint32_t accepted = 0; ///< stored, a duplicate, or waiting in suspense
    /// Rejected ones by their reason.
    std::array<std::uint32_t, static_cast<std::size_t>(record_error::count_)> rejected{};
};

/// Who counts what the HTTP side does: the daemon's metrics. Called once per request, never per
/// record; any thread, several at once.
class http_observer {
  public:
    http_observer() = default;
    http_observer(http_observer const&) = delete;
    http_observer& operator=(http_observer const&) = delete;
    virtual ~http_observer() = default;

    /// A request was answered. `endpoint` is the handler's name of the route, or empty when the
    /// request never came to one (not HTTP, head too large, too many connections).
    virtual void answered(std::string_view endpoint, unsigned status) noexcept = 0;
    virtual void counted(push_counts const& counts) noexcept = 0;
    /// From a push's head to its answer, for pushes that were stored.
    virtual void acknowledged(double seconds) noexcept = 0;
    /// Something of the server itself failed and an operator may have to act (no file descriptors
    /// left); worth a log line, rate-limited.
    virtual void trouble(std::string_view what) noexcept = 0;
};

} // namespace tally::ingest
