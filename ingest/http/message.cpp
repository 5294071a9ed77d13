#include "ingest/http/message.hpp"

#include "ingest/text/ascii.hpp"

#include <algorithm>

namespace tally::ingest {

std::string_view http_head::field(std::string_view name) const noexcept {
    for (http_field const& candidate : fields) {
        // Field names have no case (RFC 9110 section 5.1).
        if (equal_ignoring_case(candidate.name, name)) {
            return candidate.value;
        }
    }
    return {};
}

http_target split_target(std::string_view target) noexcept {
    // A relative target may contain "://" in its query, so a scheme is one only at the front.
    if (std::size_t const scheme = target.find("://");
        scheme != std::string_view::npos && !target.starts_with('/')) {
        target.remove_prefix(scheme + 3);
        std::size_t const path = target.find_first_of("/?");
        target = path == std::string_view::npos ? "/" : target.substr(path);
    }

    // A '#' does not occur: clients do not send fragments (RFC 9110 section 7.1).
    std::size_t const mark = target.find('?');
    if (mark == std::string_view::npos) {
        return {target, {}};
    }
    return {target.substr(0, mark), target.substr(mark + 1)};
}

std::string_view query_value(std::string_view query, std::string_view name) noexcept {
    while (!query.empty()) {
        // '?' separates too: FreeSWITCH appends "?uuid=" to a URL that has a query already.
        std::string_view const pair = query.substr(0, query.find_first_of("&?"));
        query.remove_prefix(std::min(query.size(), pair.size() + 1));

        // A name without a value says nothing here: ?ack is no request to wait.
        std::size_t const equals = pair.find('=');
        if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
            return pair.substr(equals + 1);
        }
    }
    return {};
}

} // namespace tally::ingest
