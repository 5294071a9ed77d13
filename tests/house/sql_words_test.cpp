#include "tests/house/source_tree.hpp"
#include "tests/support/reserved_words.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <regex>

using namespace tally::house;
using tally::tests::refused_as;

// A word that only newer versions of PostgreSQL reserve is a valid name in older ones, so a
// statement with it passes every test against an older server. Words that all supported versions
// reserve need no test here: every server refuses them. (tests/storage compares the names in the
// schema with the whole list.)

namespace {

/// Words that are reserved in some supported version and names in another.
std::vector<std::string> words_reserved_later() {
    std::vector<std::string> words;
    for (auto const& word : tally::tests::reserved_words()) {
        if (word.since_major > 14 && word.location != refused_as::function_or_type) {
            words.push_back(word.word);
        }
    }
    return words;
}

/// SQL with comments and the text between quotes replaced by blanks. The body of a function
/// ($$ ... $$) is SQL too and remains.
std::string bare_sql(std::string const& sql) {
    static std::regex const covered{R"(--[^\n]*|/\*[^*]*\*/|'[^']*'|"[^"]*")"};
    return std::regex_replace(sql, covered, " ");
}

/// The words of a text.
std::vector<std::string> words_in(std::string const& text, std::vector<std::string> const& words) {
    std::vector<std::string> found;
    for (auto const& word : words) {
        std::regex const alone{"\\b" + word + "\\b", std::regex::icase};
        if (std::regex_search(text, alone)) {
            found.push_back(word);
        }
    }
    return found;
}

/// C++ is searched as a whole, since a scanner cannot tell which of its texts are SQL.
std::string searched_text(source_file const& file) {
    return file.path.ends_with(".sql") ? bare_sql(file.text) : file.text;
}

TEST(sql, uses_no_word_as_a_name_that_a_supported_postgres_reserves) {
    auto const words = words_reserved_later();
    EXPECT_FALSE(words.empty());
    for (auto const& file : source_tree()) {
        bool const lists_them = file.path == "tests/support/reserved_words.hpp" ||
                                file.path == "tests/storage/sql_schema/reserved_words_test.cpp" ||
                                file.path == "tests/house/sql_words_test.cpp";
        if (!lists_them && (file.is_cpp() || file.path.ends_with(".sql"))) {
            EXPECT_THAT(words_in(searched_text(file), words), testing::IsEmpty()) << file.path;
        }
    }
}

TEST(sql, bare_words_are_found_and_quoted_ones_are_not) {
    std::vector<std::string> const words{"system_user"};
    EXPECT_EQ(words_in(bare_sql("SELECT a FROM b AS SYSTEM_USER (a)"), words), words);
    EXPECT_EQ(words_in(bare_sql("DO $$ BEGIN PERFORM 'x', system_user; END $$"), words), words);
    EXPECT_THAT(words_in(bare_sql("SELECT 'system_user', \"system_user\", system_users -- "
                                  "system_user\n/* system_user */"),
                         words),
                testing::IsEmpty());
}

} // namespace
