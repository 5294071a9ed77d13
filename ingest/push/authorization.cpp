#include "ingest/push/authorization.hpp"

#include "ingest/http/problem.hpp"
#include "ingest/text/ascii.hpp"
#include "ingest/text/trim.hpp"

#include <algorithm>
#include <utility>
#include <vector>

#include <openssl/evp.h>

namespace tally::ingest {

namespace {

/// No token is longer. The limit keeps a hostile field from being decoded.
constexpr std::size_t credential_bytes_max = 4096;

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

    // The first colon: a password may contain more of them, a user's name none (RFC 7617 section
    // 2).
    std::size_t const colon = pair.find(':');
    return colon == std::string_view::npos ? std::string{} : std::string{pair.substr(colon + 1)};
}

http_response unauthorized(std::string_view detail) {
    http_response response = problem(401, detail);
    // A field for each scheme: a list of challenges in one field is hard to parse (RFC 9110 section
    // 11.6.1).
    response.fields.emplace_back("WWW-Authenticate", "Bearer realm=\"tallyd\"");
    response.fields.emplace_back("WWW-Authenticate", "Basic realm=\"tallyd\"");
    return response;
}

} // namespace

std::string credential_token(std::string_view authorization) {
    if (authorization.size() > credential_bytes_max) {
        return {};
    }

    // "Bearer token" or "Basic base64": one blank or more between them.
    std::size_t const space = authorization.find(' ');
    if (space == std::string_view::npos) {
        return {};
    }
    std::string_view const scheme = authorization.substr(0, space);
    std::string_view const rest = trimmed(authorization.substr(space));
    // The scheme's name has no case (RFC 9110 section 11.1).
    if (equal_ignoring_case(scheme, "Bearer")) {
        return std::string{rest};
    }
    // FreeSWITCH's `cred` has a user and a password; the password is the token, the user does not
    // matter.
    return equal_ignoring_case(scheme, "Basic") ? basic_password(rest) : std::string{};
}

std::variant<std::shared_ptr<source const>, http_response>
authorize_push(http_head const& head, std::shared_ptr<source_table const> const& sources) {
    // A web page can make its visitor's browser post to the visitor's own machine. A browser then
    // sends Origin, which no switch and no library does.
    bool const is_browser = !head.field("Origin").empty();
    if (is_browser && head.from_loopback && !sources->any_token()) {
        return problem(403, "a push from a browser needs a source with a token");
    }

    auto owner =
        authorize(credential_token(head.field("Authorization")), head.from_loopback, sources);
    if (auto const* refusal = std::get_if<sender_refusal>(&owner)) {
        return refusal->kind == refusal_kind::unauthorized ? unauthorized(refusal->detail)
                                                           : problem(403, refusal->detail);
    }
    return std::get<std::shared_ptr<source const>>(std::move(owner));
}

} // namespace tally::ingest
