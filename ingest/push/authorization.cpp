#include "ingest/push/authorization.hpp"

#include "ingest/http/problem.hpp"
#include "ingest/text/ascii.hpp"

#include <algorithm>
#include <vector>

#include <openssl/evp.h>

namespace tally::ingest {

namespace {

/// No token is longer. The limit keeps a hostile field from being decoded and hashed.
constexpr std::size_t credential_bytes_max = 4096;

std::string_view trimmed(std::string_view text) noexcept {
    auto const first = text.find_first_not_of(" \t");
    if (first == std::string_view::npos) {
        return {};
    }
    return text.substr(first, text.find_last_not_of(" \t") - first + 1);
}

/// The password in base64("user:password"), or empty.
std::string basic_password(std::string_view base64) {
    std::vector<unsigned char> plain(base64.size() / 4 * 3 + 3);
    int const size =
        EVP_DecodeBlock(plain.data(), reinterpret_cast<unsigned char const*>(base64.data()),
                        static_cast<int>(base64.size()));
    if (size < 0) {
        return {};
    }
    // The decoder counts padding as zero bytes.
    auto const padding = static_cast<std::size_t>(std::ranges::count(base64, '='));
    std::string_view const pair{reinterpret_cast<char const*>(plain.data()),
                                static_cast<std::size_t>(size) -
                                    std::min<std::size_t>(padding, static_cast<std::size_t>(size))};
    std::size_t const colon = pair.find(':');
    return colon == std::string_view::npos ? std::string{} : std::string{pair.substr(colon + 1)};
}

http_response unauthorized(std::string_view detail) {
    http_response response = problem(401, detail);
    response.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"tallyd\"");
    response.fields.emplace_back("WWW-Authenticate", "Basic realm=\"tallyd\"");
    return response;
}

/// nullptr, or the reason why a push without a token is refused.
char const* tokenless_obstacle(http_head const& head) noexcept {
    if (!head.from_loopback) {
        return "no source has a token yet, so only this machine itself may push; add one with "
               "'tallyd source add'";
    }
    // A web page can make its visitor's browser post to the visitor's own machine. A browser then
    // sends Origin, which no switch and no library does.
    if (!head.field("Origin").empty()) {
        return "a push from a browser needs a source with a token";
    }
    return nullptr;
}

} // namespace

std::string credential_token(std::string_view authorization) {
    if (authorization.size() > credential_bytes_max) {
        return {};
    }
    std::size_t const space = authorization.find(' ');
    if (space == std::string_view::npos) {
        return {};
    }
    std::string_view const scheme = authorization.substr(0, space);
    std::string_view const rest = trimmed(authorization.substr(space));
    if (equal_ignoring_case(scheme, "Bearer")) {
        return std::string{rest};
    }
    return equal_ignoring_case(scheme, "Basic") ? basic_password(rest) : std::string{};
}

std::variant<std::shared_ptr<source const>, http_response>
authorize_push(http_head const& head, std::shared_ptr<source_table const> const& sources) {
    source const* sender = &sources->local();
    if (sources->any_token()) {
        // Once any source has a token, a push without one is refused, even from this machine.
        std::string const token = credential_token(head.field("Authorization"));
        if (token.empty()) {
            return unauthorized("send the source's token: 'Authorization: Bearer <token>'");
        }
        sender = sources->by_token(token);
        if (sender == nullptr) {
            return unauthorized("no source has this token");
        }
    } else if (char const* obstacle = tokenless_obstacle(head); obstacle != nullptr) {
        return problem(403, obstacle);
    }

    // Disabled is 403, not 401: the token is right, so another one would not help.
    if (!sender->is_active) {
        return problem(403, "the source '" + sender->name + "' is disabled");
    }

    // Shares ownership of the table, so the source stays valid when a new table replaces it.
    return std::shared_ptr<source const>{sources, sender};
}

bool allows_format(source const& source, std::string_view format_name) noexcept {
    return source.formats.empty() ||
           std::ranges::find(source.formats, format_name) != source.formats.end();
}

} // namespace tally::ingest
