#include "storage/embedded_postgres.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>
#include <libpq-fe.h>

namespace tally::storage {
namespace {

using tests::private_postgres;

std::string one_value(std::string const& connection_string, char const* sql) {
    PGconn* connection = PQconnectdb(connection_string.c_str());
    PGresult* answer = PQexec(connection, sql);
    std::string value =
        PQntuples(answer) > 0 ? PQgetvalue(answer, 0, 0) : PQerrorMessage(connection);
    PQclear(answer);
    PQfinish(connection);
    return value;
}

TEST(embedded_postgres, keeps_durability_on_and_the_network_off) {
    std::string const database = private_postgres::shared().empty_database();
    EXPECT_EQ(one_value(database, "SHOW fsync"), "on");
    EXPECT_EQ(one_value(database, "SHOW synchronous_commit"), "on");
    EXPECT_EQ(one_value(database, "SHOW full_page_writes"), "on");
    EXPECT_EQ(one_value(database, "SHOW data_checksums"), "on");
    EXPECT_EQ(one_value(database, "SHOW listen_addresses"), "");
    EXPECT_EQ(one_value(database, "SHOW server_encoding"), "UTF8");
}

TEST(private_postgres, clones_the_migrated_database_with_its_search_path) {
    std::string const database = private_postgres::shared().migrated_database();
    EXPECT_EQ(one_value(database, "SELECT count(*) FROM rate_plans"), "0");
    EXPECT_EQ(one_value(database, "SELECT count(*) FROM sources"), "1");
}

TEST(private_postgres, keeps_committed_rows_over_a_crash) {
    auto& server = private_postgres::shared();
    std::string const database = server.empty_database();
    one_value(database, "CREATE TABLE kept AS SELECT 42 AS answer");
    server.crash_and_restart();
    EXPECT_EQ(one_value(database, "SELECT answer FROM kept"), "42");
    server.stop();
    server.start();
    EXPECT_EQ(one_value(database, "SELECT answer FROM kept"), "42");
}

} // namespace
} // namespace tally::storage
