#include "storage/postgres/sql_session.hpp"
#include "storage/schema/seeds.hpp"
#include "tests/support/private_postgres.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <vector>

// tests/storage/sql_schema/refused: wrong data that the constraints of a seeded database must
// refuse, one statement per line. Each is right except for the one thing that must be refused.

namespace tally::storage {
namespace {

std::filesystem::path const folder =
    std::filesystem::path{TALLY_SOURCE_DIR} / "tests/storage/sql_schema/refused";

std::vector<std::string> lines_of(std::string const& name) {
    std::ifstream input{folder / (name + ".sql")};
    std::vector<std::string> lines;
    for (std::string line; std::getline(input, line);) {
        if (!line.empty() && !line.starts_with("--")) {
            lines.push_back(line);
        }
    }
    return lines;
}

std::vector<std::string> names() {
    std::vector<std::string> found;
    for (auto const& file : std::filesystem::directory_iterator{folder}) {
        found.push_back(file.path().stem());
    }
    std::ranges::sort(found);
    return found;
}

std::string const& seeded_database() {
    static std::string const database = [] {
        std::string made = tests::private_postgres::shared().migrated_database();
        seed_options options;
        options.demo = true;
        apply_seeds(made, options);
        return made;
    }();
    return database;
}

class schema_refusals_test : public testing::TestWithParam<std::string> {
  protected:
    sql_session session_{seeded_database(), "test"};

    /// SQLSTATE, or "accepted".
    std::string answer(std::string const& statement) {
        sql_transaction const rolled_back{session_};
        try {
            session_.execute(statement);
            return "accepted";
        } catch (database_error const& error) {
            return error.sqlstate();
        }
    }
};

TEST_P(schema_refusals_test, refuses) {
    auto const lines = lines_of(GetParam());
    EXPECT_GE(lines.size(), 10U);
    for (std::string const& line : lines) {
        // 22: an invalid value, 23: a constraint forbids it. Anything else is wrong SQL.
        std::string const kind = answer(line).substr(0, 2);
        EXPECT_TRUE(kind == "22" || kind == "23") << answer(line) << ": " << line;
    }
}

INSTANTIATE_TEST_SUITE_P(data, schema_refusals_test, testing::ValuesIn(names()),
                         [](auto const& name) { return name.param; });

TEST_F(schema_refusals_test, tells_what_is_accepted_and_what_is_no_data) {
    EXPECT_EQ(answer("UPDATE users SET failed_login_attempts = 1"), "accepted");
    EXPECT_EQ(answer("UPDATE users SET no_such_column = 1"), "42703");
    EXPECT_EQ(names().size(), 10U);
    // The statements that prepare these lines must succeed by themselves.
    for (char const* right :
         {"INSERT INTO invoices (invoice_number, customer_id, due_date, subtotal) SELECT 'I-1', "
          "id, "
          "current_date, 100 FROM customers LIMIT 1",
          "INSERT INTO payments (payment_number, customer_id, amount) SELECT 'P-1', id, 100 FROM "
          "customers LIMIT 1"}) {
        EXPECT_EQ(answer(right), "accepted") << right;
    }
}

} // namespace
} // namespace tally::storage
