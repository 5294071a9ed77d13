#include "tests/house/source_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

using namespace tally::house;
using testing::HasSubstr;
using testing::Not;

// Tests ./dev on a simulated machine: every tool that it would call is a script that records the
// call. Commands that change the system go through `env`, so nothing is installed here.

namespace {

namespace fs = std::filesystem;

class dev_script : public testing::Test {
  protected:
    dev_script() {
        if (mkdtemp(folder_.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
        fs::create_directories(folder_ + "/bin");
        for (auto const name : {"dev", "packages.txt", "CMakePresets.json"}) {
            fs::copy(fs::path{TALLY_SOURCE_DIR} / name, fs::path{folder_} / name);
        }
        for (auto const name : {"cmake", "ctest", "ninja", "sudo", "env"}) {
            tool(name, "");
        }
        // apt has every package except those of another release. It knows 1.81, since other
        // packages refer to it, but has no candidate for it.
        tool("apt-cache", "case $1,$2 in policy,*1.81*) echo '  Candidate: (none)';; *-14-*) ;; "
                          "policy,*) echo '  Candidate: 1.0-1';; esac");
    }
    ~dev_script() override { fs::remove_all(folder_); }

    /// A tool that records its call and then runs `body`.
    void tool(std::string const& name, std::string const& body) const {
        auto const path = folder_ + "/bin/" + name;
        std::ofstream{path} << "#!/bin/bash\necho \"" << name << " $*\" >>'" << folder_
                            << "/calls'\n"
                            << body << "\n";
        fs::permissions(path, fs::perms::owner_all);
    }

    /// dpkg-query as if the first package of each row except `missing` were installed.
    void installed_but_for(std::string const& missing) const {
        tool("dpkg-query", "shift 2\nfor name; do case $name in " + missing +
                               ") echo \"no packages found matching $name\" >&2;; "
                               "*) echo \"installed/$name\";; esac; done\nexit 1");
    }

    [[nodiscard]] int run(std::string const& arguments) const {
        auto const command = "cd / && PATH='" + folder_ + "/bin':/usr/bin:/bin bash '" + folder_ +
                             "/dev' " + arguments + " >'" + folder_ + "/output' 2>&1 </dev/null";
        int const status = std::system(command.c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }

    [[nodiscard]] std::string read(std::string const& name) const {
        std::ifstream file{folder_ + "/" + name};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    std::string folder_ = (fs::temp_directory_path() / "tallyd-dev-XXXXXX").string();
};

TEST_F(dev_script, installs_nothing_when_all_is_there) {
    installed_but_for("libboost-dev|libclang-rt-dev"); // the alternatives
    EXPECT_EQ(run("build"), 0) << read("output");
    EXPECT_THAT(read("calls"), Not(HasSubstr("apt-get")));
    EXPECT_THAT(read("calls"), HasSubstr("cmake --preset release"));
    EXPECT_THAT(read("calls"), HasSubstr("cmake --build build/release"));
    EXPECT_THAT(read("calls"), HasSubstr("--target tallyd"));
}

TEST_F(dev_script, asks_dpkg_once) {
    installed_but_for("none");
    EXPECT_EQ(run("build"), 0);
    auto const calls = read("calls");
    EXPECT_EQ(calls.find("dpkg-query"), calls.rfind("dpkg-query"));
}

TEST_F(dev_script, installs_what_is_missing_and_takes_the_alternative_that_exists) {
    installed_but_for("ninja-build|libboost1.81-dev|libboost-dev");
    EXPECT_EQ(run("build"), 0) << read("output");
    auto const calls = read("calls");
    EXPECT_THAT(calls, HasSubstr("apt-get update"));
    EXPECT_THAT(calls, HasSubstr("--no-install-recommends"));
    EXPECT_THAT(calls, HasSubstr(" ninja-build libboost-dev\n"));
}

TEST_F(dev_script, says_which_row_apt_has_nothing_of) {
    installed_but_for("ninja-build");
    tool("apt-cache", "exit 0");
    EXPECT_NE(run("build"), 0);
    EXPECT_THAT(read("output"), HasSubstr("apt has no package of 'ninja-build'"));
    EXPECT_THAT(read("calls"), Not(HasSubstr("apt-get install")));
}

TEST_F(dev_script, a_failing_test_run_fails_the_script) {
    installed_but_for("none");
    tool("ctest", "exit 8");
    EXPECT_EQ(run("test -R something"), 8);
    EXPECT_THAT(read("calls"), HasSubstr("--output-on-failure"));
    EXPECT_THAT(read("calls"), HasSubstr("-R something"));
}

TEST_F(dev_script, a_failing_build_fails_the_script) {
    installed_but_for("none");
    tool("cmake", "exit 1");
    EXPECT_NE(run("build"), 0);
    EXPECT_NE(run("test"), 0);
    EXPECT_THAT(read("calls"), Not(HasSubstr("ctest")));
}

TEST_F(dev_script, asks_only_the_clang_format_that_the_sources_are_formatted_with) {
    installed_but_for("none");
    tool("git", "");
    for (auto const version : {"14.0.6", "19.1.7"}) {
        tool("clang-format", "echo 'Debian clang-format version " + std::string{version} + "'");
        (void)run("lint"); // there is nothing here to look at
        bool const is_ours = read("calls").find("clang-format --dry-run") != std::string::npos;
        EXPECT_EQ(is_ours, version == std::string_view{"14.0.6"}) << read("output");
        fs::remove(folder_ + "/calls");
    }
    EXPECT_THAT(
        read("output"),
        HasSubstr("clang-format is skipped: this is version 19, and the rules are for version 14"));
}

TEST_F(dev_script, matrix_builds_the_programs_and_hands_its_arguments_on) {
    installed_but_for("none");
    fs::create_directories(folder_ + "/tests/matrix");
    fs::rename(folder_ + "/bin/ninja", folder_ + "/tests/matrix/run"); // notes how it is called
    EXPECT_EQ(run("matrix --only 14"), 0) << read("output");
    EXPECT_THAT(read("calls"), HasSubstr("--target test_storage test_daemon"));
    EXPECT_THAT(read("calls"), HasSubstr("ninja --only 14"));
}

TEST_F(dev_script, the_guard_builds_only_its_program_and_hands_its_arguments_and_failure_on) {
    installed_but_for("none");
    fs::create_directories(folder_ + "/bench");
    fs::rename(folder_ + "/bin/ninja", folder_ + "/bench/run"); // notes how it is called
    EXPECT_EQ(run("bench guard --json"), 0) << read("output");
    EXPECT_THAT(read("calls"), HasSubstr("cmake --build build/release"));
    EXPECT_THAT(read("calls"), HasSubstr("--target bench_guard\n"));
    EXPECT_THAT(read("calls"), HasSubstr("ninja guard --json"));

    std::ofstream{folder_ + "/bench/run"} << "#!/bin/bash\nexit 1\n";
    EXPECT_EQ(run("bench guard"), 1);
}

TEST_F(dev_script, tsan_builds_only_its_program_and_hands_its_arguments_and_failure_on) {
    installed_but_for("none");
    fs::create_directories(folder_ + "/build/tsan/tests");
    fs::rename(folder_ + "/bin/ninja", folder_ + "/build/tsan/tests/test_threads");
    EXPECT_EQ(run("test --tsan --gtest_filter=credit.*"), 0) << read("output");
    EXPECT_THAT(read("calls"), HasSubstr("--target test_threads\n"));
    EXPECT_THAT(read("calls"), HasSubstr("ninja --gtest_brief=1 --gtest_filter=credit.*"));
    EXPECT_THAT(read("calls"), Not(HasSubstr("ctest")));

    std::ofstream{folder_ + "/build/tsan/tests/test_threads"} << "#!/bin/bash\nexit 66\n";
    EXPECT_EQ(run("test --tsan"), 66);
}

TEST_F(dev_script, sanitize_runs_the_programs_of_all_folders_and_short_only_the_small_ones) {
    installed_but_for("none");
    auto const folder = folder_ + "/build/asan/tests/";
    fs::create_directories(folder);
    for (auto const name :
         {"config", "ingest", "rating", "storage", "daemon", "units", "threads"}) {
        auto const program = "test_" + std::string{name};
        tool(program, "");
        fs::rename(folder_ + "/bin/" + program, folder + program);
    }
    EXPECT_EQ(run("test --sanitize --short --gtest_filter=a.*"), 0) << read("output");
    EXPECT_THAT(read("calls"), HasSubstr("--target test_units test_threads\n"));
    EXPECT_THAT(read("calls"), HasSubstr("test_units --gtest_brief=1 --gtest_filter=a.*"));
    EXPECT_THAT(read("calls"), Not(HasSubstr("test_storage")));

    EXPECT_EQ(run("test --sanitize"), 0) << read("output");
    EXPECT_THAT(
        read("calls"),
        HasSubstr("--target test_config test_ingest test_rating test_storage test_daemon\n"));
    EXPECT_THAT(read("calls"), HasSubstr("test_daemon --gtest_brief=1"));

    std::ofstream{folder + "test_storage"} << "#!/bin/bash\nexit 66\n";
    EXPECT_EQ(run("test --sanitize"), 66);
}

TEST_F(dev_script, refuses_what_it_does_not_know) {
    EXPECT_NE(run("nonsense"), 0);
    EXPECT_THAT(read("output"), HasSubstr("unknown command 'nonsense'"));
    EXPECT_EQ(run("help"), 0);
    EXPECT_EQ(run(""), 0);
}

TEST(packages, every_row_says_what_it_is_for) {
    for (auto const line : lines_of(text_of("packages.txt"))) {
        bool const is_row = !line.empty() && line.front() != '#';
        EXPECT_TRUE(!is_row || line.find("  # ") != std::string_view::npos) << line;
    }
}

} // namespace
