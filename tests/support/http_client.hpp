#pragma once

#include <cstdint>
#include <map>
#include <string>

namespace tally::tests {

struct http_answer {
    unsigned status = 0;
    std::string body;
    std::string content_type;
    std::string retry_after; ///< empty: not said
};

/// One request on a connection of its own to 127.0.0.1:`port`. Throws when the connection fails.
http_answer http_request(std::uint16_t port, std::string const& method, std::string const& target,
                         std::string const& body = {},
                         std::map<std::string, std::string> const& headers = {});

} // namespace tally::tests
