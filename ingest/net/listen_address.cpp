#include "ingest/net/listen_address.hpp"

#include <charconv>

namespace tally::ingest {

std::optional<listen_address> parse_listen_address(std::string_view text) {
    // The last one: an IPv6 address contains colons itself.
    std::size_t const colon = text.rfind(':');
    if (colon == std::string_view::npos || colon == 0) {
        return std::nullopt;
    }
    std::string_view host = text.substr(0, colon);
    std::string_view const digits = text.substr(colon + 1);
    if (host.starts_with('[') && host.ends_with(']')) {
        host = host.substr(1, host.size() - 2);
    } else if (host.find_first_of(":[]") != std::string_view::npos) {
        return std::nullopt; // an IPv6 address without brackets is ambiguous
    }

    // Nothing may follow the digits; a port over 65535 does not fit the type.
    listen_address address{std::string{host}, 0};
    auto const [end, error] =
        std::from_chars(digits.data(), digits.data() + digits.size(), address.port);
    if (error != std::errc{} || end != digits.data() + digits.size() || host.empty()) {
        return std::nullopt;
    }
    return address;
}

} // namespace tally::ingest
