#include "ingest/net/connection.hpp"

namespace tally::ingest {

namespace {

namespace ip = boost::asio::ip;

bool is_loopback(ip::address const& address) {
    // A listener on [::] sees IPv4 clients as ::ffff:127.0.0.1, which is not the loopback of IPv6.
    if (address.is_v6() && address.to_v6().is_v4_mapped()) {
        return ip::make_address_v4(ip::v4_mapped, address.to_v6()).is_loopback();
    }
    return address.is_loopback();
}

} // namespace

bool has_loopback_peer(connection::socket const& socket) {
    boost::system::error_code error;
    auto const peer = socket.remote_endpoint(error);
    return !error && is_loopback(peer.address());
}

} // namespace tally::ingest
