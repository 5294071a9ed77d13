#include "storage/postgres/server_hosts.hpp"

#include <libpq-fe.h>

#include <algorithm>
#include <memory>
#include <string_view>

namespace tally::storage {

namespace {

std::vector<std::string> split(std::string_view list) {
    std::vector<std::string> parts;
    while (!list.empty()) {
        auto const comma = std::min(list.find(','), list.size());
        parts.emplace_back(list.substr(0, comma));
        list.remove_prefix(std::min(comma + 1, list.size()));
    }
    return parts;
}

/// The part for one server; a single part holds for all servers, as in libpq.
std::string at(std::vector<std::string> const& parts, std::size_t index) {
    if (parts.size() == 1) {
        return parts.front();
    }
    return index < parts.size() ? parts[index] : std::string{};
}

} // namespace

std::vector<server_host> hosts_of(std::string const& connection_string) {
    // Parsed by libpq, which knows both forms (keywords and URI). A string that it cannot parse
    // gives one empty host, and the connection's own error says why.
    std::unique_ptr<PQconninfoOption, void (*)(PQconninfoOption*)> const options{
        PQconninfoParse(connection_string.c_str(), nullptr), PQconninfoFree};

    // Each of the three may be a list, one part per server.
    std::vector<std::string> hosts;
    std::vector<std::string> addresses;
    std::vector<std::string> ports;
    for (auto const* each = options.get(); each != nullptr && each->keyword != nullptr; ++each) {
        std::string_view const keyword{each->keyword};
        std::string_view const value = each->val == nullptr ? "" : each->val;
        if (keyword == "host") {
            hosts = split(value);
        } else if (keyword == "hostaddr") {
            addresses = split(value);
        } else if (keyword == "port") {
            ports = split(value);
        }
    }

    // `host` and `hostaddr` belong together by position; without both there is the default server.
    std::vector<server_host> found(std::max<std::size_t>({1, hosts.size(), addresses.size()}));
    for (std::size_t index = 0; index < found.size(); ++index) {
        found[index] = {index < hosts.size() ? hosts[index] : std::string{},
                        index < addresses.size() ? addresses[index] : std::string{},
                        at(ports, index)};
    }
    return found;
}

server_answer ask_server(std::string const& connection_string) noexcept {
    switch (PQping(connection_string.c_str())) {
    case PQPING_OK:
        return server_answer::ready;
    case PQPING_REJECT:
        return server_answer::busy;
    default:
        return server_answer::none;
    }
}

} // namespace tally::storage
