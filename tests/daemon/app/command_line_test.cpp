#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>

using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

// Tests the real binary: its output and its exit code.

namespace {

struct outcome {
    int code = -1;
    std::string output; ///< standard output and standard error
};

/// Runs tallyd in an empty folder, so that no settings file is found by accident.
class command_line : public testing::Test {
  protected:
    command_line() {
        if (mkdtemp(folder_.data()) == nullptr) {
            throw std::runtime_error{"no temporary folder"};
        }
    }
    ~command_line() override { std::filesystem::remove_all(folder_); }

    [[nodiscard]] outcome run(std::string const& arguments,
                              std::string const& environment = "") const {
        auto const command = "cd " + folder_ + " && " + environment + " " TALLY_BINARY " " +
                             arguments + " 2>&1 </dev/null";
        auto* const pipe = popen(command.c_str(), "r");
        outcome result;
        std::array<char, 4096> buffer{};
        while (auto const size = fread(buffer.data(), 1, buffer.size(), pipe)) {
            result.output.append(buffer.data(), size);
        }
        int const status = pclose(pipe);
        result.code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
        return result;
    }

    void write(std::string const& name, std::string_view content) const {
        std::ofstream{folder_ + "/" + name} << content;
    }

    std::string folder_ = (std::filesystem::temp_directory_path() / "tallyd-XXXXXX").string();
};

TEST_F(command_line, prints_its_version_both_ways) {
    auto const flag = run("--version");
    EXPECT_EQ(flag.code, 0);
    EXPECT_THAT(flag.output, testing::MatchesRegex("tallyd [0-9]+\\.[0-9]+\\.[0-9]+\n"));
    auto const command = run("version");
    EXPECT_EQ(command.code, 0);
    EXPECT_EQ(command.output, flag.output);
}

TEST_F(command_line, every_command_has_help) {
    auto const help = run("--help");
    EXPECT_EQ(help.code, 0);
    for (auto const name :
         {"run", "migrate", "seed", "import", "source", "status", "check-config", "version"}) {
        EXPECT_THAT(help.output, HasSubstr(std::string{"\n  "} + name + " "));
        EXPECT_EQ(run(std::string{name} + " --help").code, 0) << name;
    }
}

TEST_F(command_line, usage_errors_exit_with_2_in_one_line) {
    for (auto const arguments : {"", "nonsense", "check-config --nonsense", "check-config extra",
                                 "--config", "version version-of-what"}) {
        auto const result = run(arguments);
        EXPECT_EQ(result.code, 2) << arguments << result.output;
        EXPECT_THAT(result.output, StartsWith("tallyd: ")) << arguments;
        EXPECT_EQ(std::count(result.output.begin(), result.output.end(), '\n'), 1) << arguments;
    }
}

TEST_F(command_line, a_mistyped_command_is_answered_with_the_nearest) {
    EXPECT_THAT(run("chek-config").output, HasSubstr("did you mean `tallyd check-config`?"));
    EXPECT_THAT(run("versoin").output, HasSubstr("did you mean `tallyd version`?"));
    EXPECT_THAT(run("xyzzy").output, HasSubstr("tallyd --help"));
}

TEST_F(command_line, good_settings_exit_with_0_and_say_where_they_come_from) {
    write("a.toml", "lanes = 3\n");
    for (auto const arguments : {"--config a.toml check-config", "check-config --config a.toml"}) {
        auto const result = run(arguments, "TALLYD_LOG_LEVEL=debug");
        EXPECT_EQ(result.code, 0) << result.output;
        EXPECT_THAT(result.output, HasSubstr("a.toml:1:9"));
        EXPECT_THAT(result.output, HasSubstr("TALLYD_LOG_LEVEL"));
    }
}

TEST_F(command_line, the_default_file_is_read_when_it_is_there) {
    std::filesystem::create_directory(folder_ + "/config");
    write("config/tallyd.toml", "lanes = 0\n");
    auto const result = run("check-config");
    EXPECT_EQ(result.code, 78);
    EXPECT_THAT(result.output, HasSubstr("config/tallyd.toml:1:9: lanes: must be 1 to 256"));
}

TEST_F(command_line, bad_settings_exit_with_78_and_say_everything_at_once) {
    write("a.toml", "lanes = 0\nbatch.max_rows = 0\n");
    for (auto const command : {"check-config", "check-config --json", "run"}) {
        auto const result = run(std::string{"--config a.toml "} + command);
        EXPECT_EQ(result.code, 78) << command;
        EXPECT_THAT(result.output, HasSubstr("a.toml:1:9: lanes"));
        EXPECT_THAT(result.output, HasSubstr("a.toml:2:18: batch.max_rows"));
    }
    EXPECT_EQ(run("--config missing.toml check-config").code, 78);
    EXPECT_EQ(run("check-config", "TALLYD_LANES=x").code, 78);
}

TEST_F(command_line, passwords_are_masked) {
    auto const url = "TALLYD_DATABASE_URL=postgres://u:sesame@h/d";
    for (auto const arguments : {"check-config", "check-config --json"}) {
        auto const result = run(arguments, url);
        EXPECT_EQ(result.code, 0);
        EXPECT_THAT(result.output, Not(HasSubstr("sesame")));
        EXPECT_THAT(result.output, HasSubstr("u:***@h"));
    }
}

TEST_F(command_line, the_sample_file_it_prints_is_one_it_reads) {
    EXPECT_EQ(run("check-config --sample >a.toml").code, 0);
    EXPECT_EQ(run("--config a.toml check-config").code, 0);
}

} // namespace
