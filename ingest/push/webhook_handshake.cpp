#include "ingest/push/webhook_handshake.hpp"

#include "ingest/http/problem.hpp"

#include <algorithm>
#include <string>

namespace tally::ingest {
namespace {

/// The longest DNS name; a longer text is not an origin.
constexpr std::size_t origin_bytes_max = 255;

/// The origin is repeated in a field of the response, so it must not contain anything that ends a
/// field.
bool is_origin(std::string_view text) noexcept {
    return text.size() <= origin_bytes_max &&
           std::ranges::all_of(text, [](char c) { return c > ' ' && c < '\x7f'; });
}

} // namespace

http_response webhook_handshake(http_head const& head, std::string_view allowed_methods) {
    std::string_view const origin = head.field("WebHook-Request-Origin");
    if (!is_origin(origin)) {
        return problem(400, "WebHook-Request-Origin must be the sender's DNS name");
    }

    // Also without an origin: a plain OPTIONS asks only which methods there are.
    http_response response;
    response.fields.emplace_back("Allow", allowed_methods);

    // Any rate may be tried: load is refused with 503 when it comes.
    if (!origin.empty()) {
        response.fields.emplace_back("WebHook-Allowed-Origin", origin);
        response.fields.emplace_back("WebHook-Allowed-Rate", "*");
    }
    return response;
}

} // namespace tally::ingest
