#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tally::ingest {

/// The parts of "127.0.0.1:8080", "[::1]:8080" or "localhost:8080"; nullopt for anything else.
struct listen_address {
    std::string host; ///< without brackets
    std::uint16_t port = 0;

    friend bool operator==(listen_address const&, listen_address const&) = default;
};
std::optional<listen_address> parse_listen_address(std::string_view text);

} // namespace tally::ingest
