#include "tests/house/source_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

using testing::AllOf;
using testing::ContainsRegex;
using testing::HasSubstr;
using testing::Not;

// Tests ./dev bench guard with a simulated valgrind, which writes the profiles that callgrind
// would.

namespace {

namespace fs = std::filesystem;
using namespace tally::house;

class guard_script : public testing::Test {
  protected:
    guard_script() {
        if (mkdtemp(folder_.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
        fs::create_directories(folder_ + "/bench/guard");
        fs::create_directories(folder_ + "/bin");
        fs::copy(fs::path{TALLY_SOURCE_DIR} / "bench/guard/run", folder_ + "/bench/guard/run");
        put("bench/guard/instructions.txt", "# code stage instructions allocations\n"
                                            "gcc-12 guide 200.0 0.00\n"
                                            "gcc-12 rate 1000.0 0.50\n"
                                            "gcc-12 import 9.0 0.10\n"
                                            "gcc-14 guide 7.0 0.00\n");
        profiles(2000, 10000, 5);
    }
    ~guard_script() override { fs::remove_all(folder_); }

    void put(std::string const& name, std::string const& text) const {
        std::ofstream{folder_ + "/" + name} << text;
    }
    /// What valgrind finds in two stages of ten records each.
    void profiles(int guide, int rate, int allocations_of_rate, std::string const& code = "gcc-12",
                  int status = 0) const {
        auto const begin = "printf 'desc: Trigger: Client Request: ";
        put("bin/valgrind",
            "#!/bin/bash\nfor each; do case $each in --callgrind-out-file=*) out=${each#*=};; "
            "esac; done\n" +
                (begin + ("guide\\nfn=main\\ntotals: " + std::to_string(guide))) +
                "\\n' >$out.1\n" + begin + "rate\\nfn=(anonymous)\\ncfn=malloc\\ncalls=" +
                std::to_string(allocations_of_rate) + " 7\\n1 2\\ncfn=free\\ncalls=9 8\\ntotals: " +
                std::to_string(rate) + "\\n' >$out.2\necho broken >&2\nprintf 'code " + code +
                "\\nstage guide 10\\nstage rate 10\\n'\nexit " + std::to_string(status) + "\n");
        fs::permissions(folder_ + "/bin/valgrind", fs::perms{0755});
    }

    [[nodiscard]] int run(std::string const& arguments) const {
        auto const command = "cd / && PATH='" + folder_ + "/bin':/usr/bin:/bin bash '" + folder_ +
                             "/bench/guard/run' " + arguments + " >'" + folder_ +
                             "/output' 2>&1 </dev/null";
        int const status = std::system(command.c_str());
        return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
    }
    [[nodiscard]] std::string read(std::string const& name) const {
        std::ifstream file{folder_ + "/" + name};
        return {std::istreambuf_iterator<char>{file}, {}};
    }

    std::string folder_ = (fs::temp_directory_path() / "tallyd-guard-XXXXXX").string();
};

TEST_F(guard_script, passes_with_what_is_recorded) {
    EXPECT_EQ(run(""), 0) << read("output");
    EXPECT_THAT(read("output"), AllOf(ContainsRegex("guide +200.0 +200.0 +\\+0.0 % +0.00\n"),
                                      ContainsRegex("rate +1000.0 +1000.0 +\\+0.0 % +0.50\n")));
}

TEST_F(guard_script, fails_above_five_percent_and_not_below) {
    profiles(2099, 10000, 5);
    EXPECT_EQ(run(""), 0) << read("output");
    profiles(2110, 10000, 5);
    EXPECT_EQ(run(""), 1);
    EXPECT_THAT(read("output"), AllOf(ContainsRegex("guide .*\\+5.5 % .*ABOVE\n"),
                                      Not(ContainsRegex("rate .*ABOVE\n"))));
}

TEST_F(guard_script, fails_when_a_stage_allocates_more_often) {
    profiles(2000, 9000, 6);
    EXPECT_EQ(run(""), 1);
    EXPECT_THAT(read("output"), ContainsRegex("rate .*-10.0 % +0.60  ABOVE\n"));
}

TEST_F(guard_script, only_prints_for_code_without_figures) {
    profiles(9999, 99999, 99, "clang-19");
    EXPECT_EQ(run(""), 0);
    EXPECT_THAT(read("output"),
                HasSubstr("There are no figures of clang-19: nothing was compared."));
}

TEST_F(guard_script, prints_one_object) {
    profiles(2110, 10000, 5);
    EXPECT_EQ(run("--json"), 1);
    EXPECT_THAT(read("output"),
                AllOf(HasSubstr(R"({"code": "gcc-12", "passed": false, "stages": [)"),
                      HasSubstr(R"({"stage": "guide", "instructions": 211.0, "recorded": 200.0, )"
                                R"("allocations": 0.00})")));
}

TEST_F(guard_script, records_the_figures_and_keeps_those_that_it_did_not_measure) {
    profiles(3000, 4000, 0);
    EXPECT_EQ(run("--record"), 0) << read("output");
    EXPECT_EQ(read("bench/guard/instructions.txt"), "# code stage instructions allocations\n"
                                                    "gcc-12 import 9.0 0.10\n"
                                                    "gcc-12 guide 300.0 0.00\n"
                                                    "gcc-12 rate 400.0 0.00\n"
                                                    "gcc-14 guide 7.0 0.00\n");
    EXPECT_EQ(run(""), 0);
}

TEST_F(guard_script, a_stage_that_is_gone_is_no_pass) {
    std::ofstream{folder_ + "/bench/guard/instructions.txt", std::ios::app}
        << "gcc-12 encode 5.0 0.00\n";
    EXPECT_EQ(run(""), 2);
    EXPECT_THAT(read("output"), HasSubstr("encode has a figure and was not measured"));
}

TEST_F(guard_script, a_missing_profile_is_no_pass) {
    put("bin/valgrind", "#!/bin/bash\nfor each; do case $each in --callgrind-out-file=*) "
                        "out=${each#*=};; esac; done\n"
                        "printf 'desc: Trigger: Client Request: guide\\ntotals: 2000\\n' >$out.1\n"
                        "printf 'code gcc-12\\nstage guide 10\\nstage rate 10\\n'\n");
    fs::permissions(folder_ + "/bin/valgrind", fs::perms{0755});
    EXPECT_EQ(run("--json"), 2);
    EXPECT_THAT(read("output"), HasSubstr("no profile of rate"));
}

TEST_F(guard_script, a_failure_of_valgrind_is_no_pass) {
    profiles(2000, 10000, 5, "gcc-12", 3);
    EXPECT_EQ(run(""), 2);
    EXPECT_THAT(read("output"), HasSubstr("broken"));
    EXPECT_NE(run("--nonsense"), 0);
}

} // namespace
