#include "storage/postgres/command_error.hpp"
#include "storage/schema/embedded_files.hpp"
#include "storage/schema/migration_files.hpp"
#include "storage/schema/sql_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <rapidcheck/gtest.h>

namespace tally::storage {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class migration_files_test : public testing::Test {
  protected:
    migration_files_test() {
        std::string name = "/tmp/tallyd-test-XXXXXX";
        folder_ = mkdtemp(name.data());
    }
    ~migration_files_test() override { fs::remove_all(folder_); }

    void put(std::string const& name, std::string const& text = "SELECT 1;") const {
        std::ofstream{folder_ / name} << text;
    }

    std::string problems() const {
        try {
            (void)read_migrations(folder_);
        } catch (command_error const& error) {
            return error.what();
        }
        return {};
    }

    fs::path folder_;
};

TEST_F(migration_files_test, are_sorted_by_version_and_paired) {
    put("0010_later.up.sql", "up 10");
    put("0010_later.down.sql", "down 10");
    put("0002_first.up.sql", "-- tallyd: no-transaction\nup 2");
    put("0002_first.down.sql", "down 2");
    put("notes.txt", "not SQL");
    auto const files = read_migrations(folder_);
    ASSERT_EQ(files.size(), 2U);
    EXPECT_EQ(files[0].label(), "0002 first");
    EXPECT_FALSE(files[0].up.in_transaction);
    EXPECT_TRUE(files[0].down.in_transaction);
    EXPECT_EQ(files[1].version, 10);
    EXPECT_EQ(files[1].down.text, "down 10");
}

TEST_F(migration_files_test, name_every_problem_at_once) {
    put("0001_alone.up.sql");
    put("0002_one.up.sql");
    put("0002_one.down.sql");
    put("0002_two.up.sql");
    put("12_short.up.sql");
    put("0003_.up.sql");
    put("0004_sideways.sql");
    std::string const found = problems();
    EXPECT_THAT(found, HasSubstr("0001 alone: the .down.sql file is missing"));
    EXPECT_THAT(found, HasSubstr("version 2 is taken by"));
    EXPECT_THAT(found, HasSubstr("12_short.up.sql: a migration is called"));
    EXPECT_THAT(found, HasSubstr("0003_.up.sql: a migration is called"));
    EXPECT_THAT(found, HasSubstr("0004_sideways.sql: a migration is called"));
}

TEST(migration_files, hash_as_fips_180_does) {
    EXPECT_EQ(sha256_hex("abc"),
              "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(migration_files, are_in_the_binary_byte_for_byte) {
    ASSERT_FALSE(embedded_sql().empty());
    for (embedded_file const& file : embedded_sql()) {
        std::ifstream input{fs::path{TALLY_SOURCE_DIR} / "migrations" / file.path,
                            std::ios::binary};
        std::string const text{std::istreambuf_iterator<char>{input}, {}};
        EXPECT_EQ(file.text, text) << file.path;
    }
    auto const from_folder = read_migrations(fs::path{TALLY_SOURCE_DIR} / "migrations");
    auto const built_in = embedded_migrations();
    ASSERT_EQ(from_folder.size(), built_in.size());
    for (std::size_t i = 0; i < built_in.size(); ++i) {
        EXPECT_EQ(from_folder[i].up.sha256, built_in[i].up.sha256) << built_in[i].label();
        EXPECT_EQ(from_folder[i].down.sha256, built_in[i].down.sha256) << built_in[i].label();
    }
}

TEST(sql_script, is_split_at_the_semicolons_that_count) {
    EXPECT_THAT(split_statements("SELECT 1; SELECT 2"), ElementsAre("SELECT 1", " SELECT 2"));
    EXPECT_THAT(split_statements("SELECT ';'"), ElementsAre("SELECT ';'"));
    EXPECT_THAT(split_statements("SELECT 'it''s; fine'; b"),
                ElementsAre("SELECT 'it''s; fine'", " b"));
    EXPECT_THAT(split_statements(R"(SELECT E'\';'; b)"), ElementsAre(R"(SELECT E'\';')", " b"));
    EXPECT_THAT(split_statements(R"(SELECT '\'; b)"), ElementsAre(R"(SELECT '\')", " b"));
    EXPECT_THAT(split_statements(R"(SELECT name'\'; b)"), ElementsAre(R"(SELECT name'\')", " b"));
    EXPECT_THAT(split_statements("SELECT \";\"; b"), ElementsAre("SELECT \";\"", " b"));
    EXPECT_THAT(split_statements("DO $$ a; b $$; c"), ElementsAre("DO $$ a; b $$", " c"));
    EXPECT_THAT(split_statements("DO $x$ $$;$$ $x$; c"), ElementsAre("DO $x$ $$;$$ $x$", " c"));
    EXPECT_THAT(split_statements("SELECT $1; SELECT a$b$c; d"),
                ElementsAre("SELECT $1", " SELECT a$b$c", " d"));
    EXPECT_THAT(split_statements("a -- b; c\n; d"), ElementsAre("a -- b; c\n", " d"));
    EXPECT_THAT(split_statements("a /* ; /* ; */ ; */; d"),
                ElementsAre("a /* ; /* ; */ ; */", " d"));
    EXPECT_THAT(split_statements("-- nothing\n; ;; /* ; */"), IsEmpty());
    EXPECT_THAT(split_statements(""), IsEmpty());
}

TEST(sql_script, may_end_anywhere) {
    for (char const* script : {"'", "\"", "$", "$$", "$a", "/*", "--", "E'\\", "a;'b", "/*/*"}) {
        EXPECT_LE(split_statements(script).size(), 2U) << script;
    }
}

RC_GTEST_PROP(sql_script, loses_no_character_of_a_statement, ()) {
    auto const pieces = *rc::gen::container<std::vector<std::string>>(rc::gen::element<std::string>(
        "a", " ", "';'", "\";\"", "$$;$$", "$t$;$$;$t$", "/*;*/", "--;\n", "E'\\';'", "1"));
    std::string statement = "x";
    for (std::string const& piece : pieces) {
        statement += " " + piece; // a blank separates quotes and names
    }
    auto const found = split_statements(statement + "\n;" + statement);
    RC_ASSERT(found.size() == 2U);
    RC_ASSERT(found[0] == statement + "\n");
    RC_ASSERT(found[1] == statement);
}

TEST(sql_script, is_marked_in_its_first_comments_only) {
    EXPECT_TRUE(is_marked_no_transaction("-- tallyd: no-transaction\nSELECT 1"));
    EXPECT_TRUE(is_marked_no_transaction("-- why\r\n\r\n-- tallyd: no-transaction  \r\nSELECT 1"));
    EXPECT_TRUE(is_marked_no_transaction("-- tallyd: no-transaction"));
    EXPECT_FALSE(is_marked_no_transaction("SELECT 1;\n-- tallyd: no-transaction\n"));
    EXPECT_FALSE(is_marked_no_transaction("-- tallyd: no-transactions\n"));
    EXPECT_FALSE(is_marked_no_transaction(""));
}

} // namespace
} // namespace tally::storage
