#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

namespace tally::tests {

struct http_answer {
    unsigned status = 0;
    std::string body;
    std::string content_type;
    std::string retry_after; ///< the header field; empty: absent
};

/// Sends one request on a new connection to 127.0.0.1:`port`. Throws when the connection fails.
http_answer http_request(std::uint16_t port, std::string const& method, std::string const& target,
                         std::string const& body = {},
                         std::map<std::string, std::string> const& headers = {});

/// Posts the bodies one after the other on one connection. Returns how many were answered with
/// `status`. Throws when the connection fails.
std::size_t http_post_each(std::uint16_t port, std::string const& target,
                           std::vector<std::string> const& bodies, unsigned status);

} // namespace tally::tests
