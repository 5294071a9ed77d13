#include "ingest/record/authorization.hpp"

#include <algorithm>

namespace tally::ingest {

namespace {

/// No token is longer. The limit keeps a hostile one from being hashed.
constexpr std::size_t token_bytes_max = 4096;

} // namespace

std::variant<std::shared_ptr<source const>, sender_refusal>
authorize(std::string_view token, bool is_loopback,
          std::shared_ptr<source_table const> const& sources) {
    source const* sender = &sources->local();
    // Without any token the daemon is new, and only this machine may try it.
    if (sources->any_token()) {
        // Once any source has a token, a push without one is refused, even from this machine.
        if (token.empty() || token.size() > token_bytes_max) {
            return sender_refusal{refusal_kind::unauthorized,
                                  "send the source's token: 'Authorization: Bearer <token>'"};
        }
        sender = sources->by_token(token);
        if (sender == nullptr) {
            return sender_refusal{refusal_kind::unauthorized, "no source has this token"};
        }
    } else if (!is_loopback) {
        return sender_refusal{refusal_kind::forbidden,
                              "no source has a token yet, so only this machine itself may push; "
                              "add one with 'tallyd source add'"};
    }

    // Disabled is forbidden, not unauthorized: the token is right, so another one would not help.
    if (!sender->is_active) {
        return sender_refusal{refusal_kind::forbidden,
                              "the source '" + sender->name + "' is disabled"};
    }

    // Shares ownership of the table, so the source stays valid when a new table replaces it.
    return std::shared_ptr<source const>{sources, sender};
}

bool allows_format(source const& source, std::string_view format_name) noexcept {
    // An empty list is no limit.
    return source.formats.empty() ||
           std::ranges::find(source.formats, format_name) != source.formats.end();
}

} // namespace tally::ingest
