#include "ingest/net/listen_address.hpp"

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

TEST(listen_address, reads_host_and_port) {
    using ingest::listen_address;
    EXPECT_EQ(ingest::parse_listen_address("127.0.0.1:8080"), (listen_address{"127.0.0.1", 8080}));
    EXPECT_EQ(ingest::parse_listen_address("localhost:0"), (listen_address{"localhost", 0}));
    EXPECT_EQ(ingest::parse_listen_address("[::1]:65535"), (listen_address{"::1", 65535}));
    for (auto const wrong : {"", ":", ":80", "host", "host:", "host:x", "host:65536", "host:-1",
                             "::1:80", "[::1]", "[]:80", "[::1:80", "host:80x", "host: 80"})
        EXPECT_EQ(ingest::parse_listen_address(wrong), std::nullopt) << wrong;
}

} // namespace
} // namespace tally::tests
