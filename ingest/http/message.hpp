#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace tally::ingest {

struct http_field {
    std::string_view name;
    std::string_view value;
};

/// The head of a request. All views in it live as long as begin() runs.
struct http_head {
    std::string_view method; ///< as sent: "POST"
    std::string_view path;   ///< before the first '?', not percent-decoded: "/v1/cdrs"
    std::string_view query;  ///< after the first '?', or empty
    std::span<http_field const> fields;
    std::optional<std::uint64_t> content_length; ///< nullopt: not sent, or chunked
    bool from_loopback = false;                  ///< the peer's address is this machine's own

    /// Value of the first field of that name, ignoring case; empty if there is none.
    [[nodiscard]] std::string_view field(std::string_view name) const noexcept;
};

/// Path and query of a request target. The absolute form that proxies send ("http://host/path")
/// loses its scheme and authority (RFC 9112 section 3.2.2).
struct http_target {
    std::string_view path;
    std::string_view query;
};
http_target split_target(std::string_view target) noexcept;

/// Value of `name` in a query of name=value pairs, not percent-decoded; empty if there is none. A
/// '?' separates pairs like '&': FreeSWITCH appends "?uuid=" to a URL with a query.
std::string_view query_value(std::string_view query, std::string_view name) noexcept;

/// A response. The server adds Date, Server, Content-Length and Connection.
struct http_response {
    unsigned status = 200;
    std::string_view content_type; ///< static storage; empty: no body, no field
    std::string body;
    std::vector<std::pair<std::string_view, std::string>> fields; ///< names in static storage
    /// Route as labeled in the request metric, from a bounded set; lives as long as the handler.
    std::string_view endpoint;
};

} // namespace tally::ingest
