#include "storage/postgres/sql_session.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>

#include <set>

// The functions and triggers of the foundation. Rules for the whole schema are in
// schema_lint_test.cpp, its requirements in schema_proof_test.cpp.

namespace tally::storage {
namespace {

class schema_test : public testing::Test {
  protected:
    sql_session session_{tests::private_postgres::shared().migrated_database(), "test"};
};

TEST_F(schema_test, makes_version_7_uuids_in_order_of_time) {
    auto const rows = session_.query(
        "SELECT public.uuid_v7()::text, pg_sleep(0.002) FROM generate_series(1, 50)");
    std::string before;
    std::set<std::string> seen;
    for (sql_row const& row : rows) {
        std::string const& id = row[0].value();
        EXPECT_EQ(id[14], '7') << id;
        EXPECT_NE(std::string{"89ab"}.find(id[19]), std::string::npos) << id;
        EXPECT_LT(before, id);
        seen.insert(before = id);
    }
    EXPECT_EQ(seen.size(), 50U);
    EXPECT_EQ(
        session_.query_value(
            "SELECT abs(extract(epoch FROM clock_timestamp()) * 1000 - ('x' || lpad(replace(left("
            "public.uuid_v7()::text, 13), '-', ''), 16, '0'))::bit(64)::bigint) < 1000"),
        "t");
}

TEST_F(schema_test, keeps_updated_at_of_what_people_change_and_not_of_a_balance) {
    session_.execute(
        "INSERT INTO users (id, email, username) VALUES ('00000000-0000-0000-0000-000000000001', "
        "'a@b.c', 'a');"
        "INSERT INTO customers (id, user_id) VALUES ('00000000-0000-0000-0000-000000000002', "
        "'00000000-0000-0000-0000-000000000001');"
        "INSERT INTO accounts (customer_id, account_number, updated_at) VALUES "
        "('00000000-0000-0000-0000-000000000002', 'A', '2020-01-01Z');"
        "UPDATE users SET updated_at = '2020-01-01Z', phone = '1'");
    EXPECT_EQ(session_.query_value("SELECT updated_at > '2021-01-01' FROM users"), "t");
    session_.execute("UPDATE accounts SET balance = balance - 1");
    EXPECT_EQ(session_.query_value("SELECT updated_at = '2020-01-01Z' FROM accounts"), "t");
    session_.execute("UPDATE accounts SET account_name = 'x'");
    EXPECT_EQ(session_.query_value("SELECT updated_at > '2021-01-01' FROM accounts"), "t");
}

} // namespace
} // namespace tally::storage
