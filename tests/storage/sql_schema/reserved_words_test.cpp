#include "storage/postgres/sql_session.hpp"
#include "tests/support/private_postgres.hpp"
#include "tests/support/reserved_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

// The list of reserved words against a server, and the names of the schema against the list: a name
// that this server takes may be refused by another version.

namespace tally::storage {
namespace {

using tests::refused_as;

std::string category_of(refused_as location) {
    switch (location) {
    case refused_as::anything:
        return "R";
    case refused_as::table_or_column:
        return "T";
    case refused_as::function_or_type:
        break;
    }
    return "C";
}

/// Names of one kind in the migrated schema that a supported version refuses in their position.
std::set<std::string> refused_names(sql_session& session, std::string const& names,
                                    refused_as partly) {
    std::set<std::string> refused;
    for (auto const& word : tests::reserved_words()) {
        if (word.location == refused_as::anything || word.location == partly) {
            refused.insert(word.word);
        }
    }
    std::set<std::string> found;
    for (sql_row const& row : session.query(names)) {
        if (refused.contains(row[0].value())) {
            found.insert(row[0].value());
        }
    }
    return found;
}

constexpr auto relation_names =
    "SELECT relname FROM pg_class WHERE relnamespace::regnamespace::text "
    "!~ '^(pg_|information_schema$)' UNION SELECT attname FROM pg_attribute JOIN pg_class c ON "
    "c.oid = attrelid WHERE relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'";
constexpr auto function_names =
    "SELECT proname FROM pg_proc WHERE pronamespace::regnamespace::text "
    "!~ '^(pg_|information_schema$)' UNION SELECT typname FROM pg_type WHERE typtype IN ('d', 'e', "
    "'r') AND typnamespace::regnamespace::text !~ '^(pg_|information_schema$)'";
constexpr auto argument_names =
    "SELECT unnest(proargnames) FROM pg_proc WHERE proargnames IS NOT NULL AND "
    "pronamespace::regnamespace::text !~ '^(pg_|information_schema$)'";

TEST(reserved_words, are_those_of_the_server) {
    sql_session session{tests::private_postgres::shared().empty_database(), "test"};
    int const major =
        std::stoi(*session.query_value("SELECT current_setting('server_version_num')")) / 10'000;
    std::map<std::string, std::string> listed;
    for (auto const& word : tests::reserved_words()) {
        if (word.since_major <= major) {
            listed.emplace(word.word, category_of(word.location));
        }
    }
    std::map<std::string, std::string> known;
    for (sql_row const& row : session.query(
             "SELECT word, catcode FROM pg_get_keywords() WHERE catcode IN ('R', 'T', 'C')")) {
        known.emplace(row[0].value(), row[1].value());
    }
    EXPECT_EQ(listed, known);
}

TEST(reserved_words, name_nothing_in_the_schema) {
    sql_session session{tests::private_postgres::shared().migrated_database(), "test"};
    EXPECT_THAT(refused_names(session, relation_names, refused_as::table_or_column),
                testing::IsEmpty());
    EXPECT_THAT(refused_names(session, function_names, refused_as::function_or_type),
                testing::IsEmpty());
    EXPECT_THAT(refused_names(session, argument_names, refused_as::table_or_column),
                testing::IsEmpty());

    sql_transaction const broken{session};
    session.execute(R"(CREATE TABLE billing.wrong ("system_user" text))");
    session.execute(R"(CREATE FUNCTION billing."json_table"("natural" text) RETURNS text LANGUAGE
                       sql AS 'SELECT $1')");
    EXPECT_THAT(refused_names(session, relation_names, refused_as::table_or_column),
                testing::ElementsAre("system_user"));
    EXPECT_THAT(refused_names(session, function_names, refused_as::function_or_type),
                testing::ElementsAre("json_table"));
    EXPECT_THAT(refused_names(session, argument_names, refused_as::table_or_column),
                testing::ElementsAre("natural"));
}

} // namespace
} // namespace tally::storage
