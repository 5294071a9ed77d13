#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tally::ingest {

/// The parts of "127.0.0.1:8080", "[::1]:8080" or "localhost:8080"; nullopt for anything else.
struct http_address {
    std::string host; ///< without brackets
    std::uint16_t port = 0;

    friend bool operator==(http_address const&, http_address const&) = default;
};
std::optional<http_address> parse_http_address(std::string_view text);

} // namespace tally::ingest
