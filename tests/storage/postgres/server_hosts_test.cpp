#include "storage/postgres/server_hosts.hpp"

#include "storage/postgres/pq_connection.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

namespace tally::storage {
namespace {

using testing::ElementsAre;

TEST(server_hosts, are_those_of_the_connection_string) {
    EXPECT_THAT(hosts_of("host=a,b port=1,2 dbname=x"),
                ElementsAre(server_host{"a", "", "1"}, server_host{"b", "", "2"}));
    EXPECT_THAT(hosts_of("postgresql://u@a:1,b:2/x?target_session_attrs=read-write"),
                ElementsAre(server_host{"a", "", "1"}, server_host{"b", "", "2"}));
    EXPECT_THAT(hosts_of("host=a,b port=7"),
                ElementsAre(server_host{"a", "", "7"}, server_host{"b", "", "7"}));
    EXPECT_THAT(hosts_of("hostaddr=127.0.0.1"), ElementsAre(server_host{"", "127.0.0.1", ""}));
    EXPECT_THAT(hosts_of("dbname=x"), ElementsAre(server_host{}));
    EXPECT_THAT(hosts_of("no string ="), ElementsAre(server_host{}));
}

/// Accepts connections and never answers.
struct silent_server {
    silent_server() : listener{::socket(AF_INET, SOCK_STREAM, 0)} {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        EXPECT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(listener, 5), 0);
        socklen_t size = sizeof address;
        ::getsockname(listener, reinterpret_cast<sockaddr*>(&address), &size);
        port = std::to_string(ntohs(address.sin_port));
    }
    ~silent_server() { ::close(listener); }
    silent_server(silent_server const&) = delete;
    silent_server& operator=(silent_server const&) = delete;

    int listener;
    std::string port;
};

/// The connection string of a private server's database, with another server or an unused port
/// named first.
std::string behind(std::string const& first_port,
                   std::string const& own = tests::private_postgres::shared().empty_database()) {
    auto const one = hosts_of(own).front();
    return own + " host=127.0.0.1," + one.host + " port=" + first_port + "," +
           (one.port.empty() ? "5432" : one.port);
}

TEST(server_hosts, are_tried_one_after_the_other) {
    silent_server const silent;
    for (auto const& port : {silent.port, std::string{"1"}}) {
        pq_connection connection{behind(port), "test", {}, {.connect_timeout_ms = 300}};
        auto const status = connection.open();
        EXPECT_TRUE(status.ok()) << status.detail;
    }
}

TEST(server_hosts, must_be_one_that_can_be_written_to) {
    auto const own = tests::private_postgres::shared().empty_database();
    pq_connection admin{own, "test"};
    pq_rows rows;
    ASSERT_TRUE(admin.execute("SELECT current_database()", rows).ok());
    std::string const name{bytes_at(rows, 0, 0)};
    ASSERT_TRUE(
        admin.execute("ALTER DATABASE \"" + name + "\" SET default_transaction_read_only = on")
            .ok());
    pq_connection connection{own + " target_session_attrs=read-write", "test"};
    auto const status = connection.open();
    EXPECT_EQ(status.reason, failure::transient) << status.detail;

    // Of several servers that one is meant without asking for it; a single one may be a standby.
    pq_connection one_of_several{behind("1", own), "test"};
    EXPECT_EQ(one_of_several.open().reason, failure::transient);
    EXPECT_TRUE(
        (pq_connection{behind("1", own) + " target_session_attrs=any", "test"}.open().ok()));
    EXPECT_TRUE((pq_connection{own, "test"}.open().ok()));

    ASSERT_TRUE(
        admin.execute("ALTER DATABASE \"" + name + "\" RESET default_transaction_read_only").ok());
    EXPECT_TRUE(connection.open().ok());
    EXPECT_TRUE(one_of_several.open().ok());
}

} // namespace
} // namespace tally::storage
