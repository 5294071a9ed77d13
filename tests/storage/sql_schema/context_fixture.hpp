#pragma once

#include "storage/postgres/sql_session.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <string>
#include <vector>

namespace tally::storage {

/// A migrated database and a session on it: the fixture of tests of tables that the daemon does not
/// write by itself (licenses, affiliates, vouchers, events).
class context_test : public testing::Test {
  protected:
    std::string database_ = tests::private_postgres::shared().migrated_database();
    sql_session session_{database_, "test"};
    std::string text_; ///< message of the last statement that was refused

    /// First column of the first row; "NULL" if it is NULL or there is no row.
    std::string value(std::string const& sql, std::vector<sql_value> const& parameters = {}) {
        return session_.query_value(sql, parameters).value_or("NULL");
    }

    /// All rows, columns joined by '|'.
    std::vector<std::string> rows(std::string const& sql) {
        std::vector<std::string> lines;
        for (sql_row const& row : session_.query(sql)) {
            std::string line;
            for (sql_value const& each : row) {
                line += (&each == &row[0] ? "" : "|") + each.value_or("NULL");
            }
            lines.push_back(line);
        }
        return lines;
    }

    /// SQLSTATE of a statement that has to be refused; "" when it was not. A reference that ON
    /// DELETE RESTRICT protects is a foreign_key_violation, though 18 and later call it
    /// restrict_violation.
    std::string refused(std::string const& sql) {
        try {
            session_.execute(sql);
        } catch (database_error const& error) {
            text_ = error.what();
            return error.sqlstate() == "23001" ? "23503" : error.sqlstate();
        }
        text_.clear();
        return "";
    }

    /// The query's plan without sequential scans.
    std::string plan_of(std::string const& sql) {
        session_.execute("SET enable_seqscan = off");
        std::string text;
        for (std::string const& line : rows("EXPLAIN " + sql)) {
            text += line + "\n";
        }
        session_.execute("RESET enable_seqscan");
        return text;
    }

    /// Users 1 to `count`: user-1@example.com...
    void make_users(int count) {
        session_.query("INSERT INTO users (id, email, username, first_name, last_name) SELECT "
                       "('00000000-0000-0000-0000-' || lpad(i::text, 12, '0'))::uuid, 'user-' || i "
                       "|| '@example.com', 'user-' || i, 'First', 'Last' || i FROM "
                       "generate_series(1, $1::integer) AS i",
                       {std::to_string(count)});
    }

    /// Id number `index` of a kind ('0' users, others as the test likes), a hexadecimal digit.
    static std::string id(char kind, int index) {
        char text[37];
        std::snprintf(text, sizeof text, "%c0000000-0000-0000-0000-%012d", kind, index);
        return text;
    }
    static std::string user(int index) { return id('0', index); }
    static std::string quoted(std::string const& text) { return "'" + text + "'"; }
};

/// A statement that a rule refuses, and what its message must contain (a constraint's name or a
/// word).
struct refused_statement {
    char const* sql;
    char const* sqlstate;
    char const* says;
};

} // namespace tally::storage
