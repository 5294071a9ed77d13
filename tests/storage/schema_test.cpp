#include "storage/pqxx_session.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>

#include <map>
#include <set>

// What holds for the schema as a whole, whichever migration made a table.

namespace tally::storage {
namespace {

class schema_test : public testing::Test {
  protected:
    pqxx_session session_{tests::private_postgres::shared().migrated_database(), "test"};

    /// First column of all rows, a line each: what breaks a rule.
    std::string names(std::string const& sql) {
        std::string text;
        for (sql_row const& row : session_.query(sql)) {
            text += row.front().value_or("NULL") + "\n";
        }
        return text;
    }
};

/// Our tables, without partitions and the runner's own.
constexpr auto tables = "(SELECT c.* FROM pg_class c WHERE c.relkind IN ('r', 'p') AND NOT "
                        "c.relispartition AND c.relnamespace::regnamespace::text NOT IN "
                        "('pg_catalog', 'information_schema', 'public')) AS t ";

TEST_F(schema_test, has_the_columns_that_were_asked_for) {
    std::map<std::string, int> const wanted{
        {"users", 23},    {"customers", 21},          {"rate_plans", 17},
        {"accounts", 20}, {"subscriptions", 21},      {"cdrs", 22},
        {"dids", 17},     {"subscription_usage", 14}, {"payments", 23},
        {"invoices", 23}, {"payment_methods", 16},    {"refresh_tokens", 10}};
    for (auto const& [table, columns] : wanted) {
        auto const found = session_.query_value(
            "SELECT count(*) FROM information_schema.columns WHERE table_name = $1", {table});
        EXPECT_GE(std::stoi(found.value_or("0")), columns) << table;
    }
}

TEST_F(schema_test, has_unique_table_names_so_that_the_search_path_finds_each) {
    EXPECT_EQ(
        names(std::string{"SELECT relname FROM "} + tables + "GROUP BY 1 HAVING count(*) > 1"), "");
    EXPECT_EQ(
        names(std::string{"SELECT relname FROM "} + tables + "WHERE NOT pg_table_is_visible(oid)"),
        "");
}

TEST_F(schema_test, serves_every_foreign_key_by_an_index) {
    EXPECT_EQ(names("SELECT k.conrelid::regclass || '.' || k.conname FROM pg_constraint k WHERE "
                    "k.contype = 'f' AND NOT EXISTS (SELECT FROM pg_index i WHERE i.indrelid = "
                    "k.conrelid AND (i.indkey::int2[])[0:cardinality(k.conkey) - 1] @> k.conkey)"),
              "");
}

TEST_F(schema_test, says_what_happens_when_a_parent_is_deleted) {
    EXPECT_EQ(names("SELECT conrelid::regclass || '.' || conname FROM pg_constraint WHERE contype "
                    "= 'f' AND confdeltype = 'a'"),
              "");
}

TEST_F(schema_test, explains_every_table_and_says_when_rows_were_made) {
    EXPECT_EQ(names(std::string{"SELECT oid::regclass FROM "} + tables +
                    "WHERE obj_description(oid) IS NULL"),
              "");
    EXPECT_EQ(names(std::string{"SELECT oid::regclass FROM "} + tables +
                    "WHERE NOT EXISTS (SELECT FROM pg_attribute a WHERE a.attrelid = t.oid AND "
                    "attname = 'created_at' "
                    "AND atttypid = 'timestamptz'::regtype)"),
              "");
}

TEST_F(schema_test, holds_no_float_and_no_time_without_zone) {
    EXPECT_EQ(
        names(std::string{
                  "SELECT a.attrelid::regclass || '.' || a.attname FROM pg_attribute a JOIN "} +
              tables +
              "ON t.oid = a.attrelid WHERE a.attnum > 0 AND atttypid IN ('float4'::regtype, "
              "'float8'::regtype, "
              "'timestamp'::regtype, 'money'::regtype)"),
        "");
}

TEST_F(schema_test, keeps_money_beside_its_currency) {
    EXPECT_EQ(names("SELECT DISTINCT table_name FROM information_schema.columns c WHERE "
                    "table_schema IN ('billing', 'analytics') "
                    "AND column_name IN ('balance', 'cost', 'total_cost', 'monthly_price', "
                    "'price', 'monthly_cost') "
                    "AND table_name NOT IN ('rate_steps', 'metric_prices', 'metric_tiers') "
                    "AND NOT EXISTS (SELECT FROM "
                    "information_schema.columns d WHERE "
                    "d.table_name = c.table_name AND d.column_name = 'currency')"),
              "");
}

TEST_F(schema_test, has_no_row_trigger_and_one_index_on_a_hot_table) {
    EXPECT_EQ(session_.query_value(
                  "SELECT count(*) FROM pg_trigger WHERE NOT tgisinternal AND tgrelid IN "
                  "('billing.cdrs'::regclass, 'billing.subscription_usage'::regclass, "
                  "'analytics.usage_aggregates_daily'::regclass)"),
              "0");
    EXPECT_EQ(session_.query_value(
                  "SELECT count(*) FROM pg_index WHERE indrelid = 'billing.cdrs'::regclass"),
              "1");
}

TEST_F(schema_test, makes_version_7_uuids_in_order_of_time) {
    auto const rows = session_.query(
        "SELECT public.uuid_v7()::text, pg_sleep(0.002) FROM generate_series(1, 50)");
    std::string before;
    std::set<std::string> seen;
    for (sql_row const& row : rows) {
        std::string const& id = *row.front();
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

TEST_F(schema_test, moves_positions_by_compare_and_set) {
    session_.execute("SELECT move_position('file', 0, 2, 0, 10)");
    session_.execute("SELECT move_position('file', 0, 2, 10, 25)");
    for (char const* stale : {"0, 2, 0, 30", "0, 2, 10, 30", "0, 3, 25, 30", "1, 2, 5, 30"}) {
        try {
            session_.execute("SELECT move_position('file', " + std::string{stale} + ")");
            ADD_FAILURE() << stale;
        } catch (sql_error const& error) {
            EXPECT_EQ(error.sqlstate(), "TL001") << stale;
        }
    }
    EXPECT_EQ(session_.query_value("SELECT position FROM positions"), "25");
}

} // namespace
} // namespace tally::storage
