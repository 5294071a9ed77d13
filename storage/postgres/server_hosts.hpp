#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tally::storage {

/// One server of a connection string ("host=a,b port=5432,5433"), as libpq's parameters of the same
/// names; empty: not given.
struct server_host {
    std::string host;
    std::string hostaddr;
    std::string port;

    friend bool operator==(server_host const&, server_host const&) = default;
};

/// The servers of a connection string, in their order. A string that cannot be parsed, or that
/// names no server, has one server with empty members.
std::vector<server_host> hosts_of(std::string const& connection_string);

enum class server_answer : std::uint8_t {
    ready, ///< takes connections
    busy,  ///< refuses them for now: it starts, recovers or stops
    none,  ///< no server is there, or the string cannot be used
};

/// Asks the server of a connection string whether it takes connections. Needs no login.
server_answer ask_server(std::string const& connection_string) noexcept;

} // namespace tally::storage
