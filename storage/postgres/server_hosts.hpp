#pragma once

#include <string>
#include <vector>

namespace tally::storage {

/// One of the servers that a connection string names ("host=a,b port=5432,5433"), as libpq's
/// parameters of the same names; empty: not said.
struct server_host {
    std::string host;
    std::string hostaddr;
    std::string port;

    friend bool operator==(server_host const&, server_host const&) = default;
};

/// The servers of a connection string, in their order; a string that cannot be read, and one that
/// names none, have one of which nothing is said.
std::vector<server_host> hosts_of(std::string const& connection_string);

} // namespace tally::storage
