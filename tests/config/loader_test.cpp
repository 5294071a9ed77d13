#include "config/loader.hpp"

#include "config/settings_table.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <unistd.h>

#include <fstream>

using namespace tally::config;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

namespace {

/// A settings file that is removed at the end of the test.
class settings_file {
  public:
    explicit settings_file(std::string_view content) {
        int const file = mkstemp(path_.data());
        close(file);
        std::ofstream{path_, std::ios::binary} << content;
    }
    ~settings_file() { std::filesystem::remove(path_); }
    settings_file(settings_file const&) = delete;
    settings_file& operator=(settings_file const&) = delete;

    [[nodiscard]] std::string const& path() const noexcept { return path_; }

  private:
    std::string path_ = (std::filesystem::temp_directory_path() / "tallyd-XXXXXX").string();
};

loaded_settings load(std::string_view content, std::vector<std::string> environment = {}) {
    settings_file const file{content};
    auto loaded = load_settings({file.path(), std::move(environment)});
    for (auto& problem : loaded.problems) { // the same name in every run
        if (problem.starts_with(file.path())) {
            problem.replace(0, file.path().size(), "F");
        }
    }
    return loaded;
}

std::string origin(loaded_settings const& loaded, std::string_view key) {
    auto const text = loaded.origins.at(find_setting(key).value());
    return text.starts_with('/') ? text.substr(text.find(':')) : text;
}

TEST(loader, an_empty_file_gives_the_defaults) {
    auto const loaded = load("");
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.values, settings{});
    EXPECT_EQ(origin(loaded, "lanes"), "default");
}

TEST(loader, the_environment_wins_over_the_file_and_the_file_over_the_default) {
    auto const loaded = load("lanes = 3\n[batch]\nmax_rows = 7\n", {"TALLYD_LANES=5"});
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.values.lanes, 5);
    EXPECT_EQ(loaded.values.batch_max_rows, 7);
    EXPECT_EQ(loaded.values.batch_max_linger_ms, settings{}.batch_max_linger_ms);
    EXPECT_EQ(origin(loaded, "lanes"), "TALLYD_LANES");
    EXPECT_EQ(origin(loaded, "batch.max_rows"), ":3:12");
    EXPECT_EQ(origin(loaded, "batch.max_linger_ms"), "default");
}

TEST(loader, quantities_may_carry_their_unit) {
    auto const loaded = load("[http]\nbody_bytes_max = \"64 MiB\"\nread_timeout_ms = \"30 s\"\n",
                             {"TALLYD_DRAIN_TIMEOUT_MS=1 min", "TALLYD_JOURNAL_MAX_BYTES=1GiB"});
    EXPECT_THAT(loaded.problems, IsEmpty());
    EXPECT_EQ(loaded.values.http_body_bytes_max, 64 << 20);
    EXPECT_EQ(loaded.values.http_read_timeout_ms, 30'000);
    EXPECT_EQ(loaded.values.drain_timeout_ms, 60'000);
    EXPECT_EQ(loaded.values.journal_max_bytes, 1 << 30);
}

TEST(loader, flags_are_true_or_false) {
    auto const off = load("[maintenance]\nenabled = false\n");
    EXPECT_THAT(off.problems, IsEmpty());
    EXPECT_FALSE(off.values.maintenance_enabled);
    auto const target =
        load("[maintenance]\nenabled = false\n", {"TALLYD_MAINTENANCE_ENABLED=true"});
    EXPECT_THAT(target.problems, IsEmpty());
    EXPECT_TRUE(target.values.maintenance_enabled);
    for (auto const value : {"1", "\"yes\"", "0.5", "[]"}) {
        auto const bad = load("[maintenance]\nenabled = " + std::string{value} + "\n");
        EXPECT_EQ(bad.problems.size(), 1U) << value;
        EXPECT_TRUE(bad.values.maintenance_enabled) << value;
    }
}

TEST(loader, reports_every_problem_at_once_in_the_files_order_with_its_location) {
    auto const loaded = load("lanes = 0\n"
                             "log.level = 7\n"
                             "[htp]\n"
                             "[http]\n"
                             "threads = 2.5\n"
                             "listn = \"127.0.0.1:1\"\n"
                             "max_rows = 3\n",
                             {"TALLYD_BATCH_MAX_ROWS=many", "TALLYD_LOG_LEVL=info"});
    EXPECT_THAT(loaded.problems,
                ElementsAre("F:1:9: lanes: must be 1 to 256",
                            "F:2:13: log.level: must be text in quotes",
                            "F:3:2: unknown section [htp]; did you mean [http]?",
                            "F:5:11: http.threads: must be a whole number",
                            "F:6:1: unknown key \"http.listn\"; did you mean http.listen?",
                            "F:7:1: unknown key \"http.max_rows\"; did you mean batch.max_rows?",
                            "TALLYD_BATCH_MAX_ROWS: must be a whole number",
                            "TALLYD_LOG_LEVL: no such setting; did you mean TALLYD_LOG_LEVEL?"));
    EXPECT_FALSE(loaded.ok());
}

TEST(loader, an_unknown_key_near_nothing_is_an_error_too) {
    EXPECT_THAT(load("colour = 1\n").problems, ElementsAre("F:1:1: unknown key \"colour\""));
}

TEST(loader, a_section_given_as_a_value_says_what_to_write) {
    EXPECT_THAT(load("http = 5\n").problems,
                ElementsAre("F:1:1: \"http\" is a section, not a value: write [http]"));
}

TEST(loader, a_value_given_as_a_section_is_refused) {
    EXPECT_THAT(load("[lanes]\nx = 1\n").problems,
                ElementsAre("F:1:1: lanes: must be a whole number"));
}

TEST(loader, what_is_no_toml_is_one_problem_with_its_location) {
    auto const loaded = load("lanes = 2\nlanes = = 3\n");
    ASSERT_EQ(loaded.problems.size(), 1U);
    EXPECT_THAT(loaded.problems.front(), HasSubstr("F:2:"));
}

TEST(loader, broken_files_are_one_problem_each) {
    for (std::string_view const content :
         {"[[\n\\u0000", "[", "[[", "= 1", "a = ", "\"", "a = [[[[", "\xff\xfe"}) {
        EXPECT_EQ(load(content).problems.size(), 1U) << content;
    }
    EXPECT_EQ(load("x = " + std::string(100'000, '[')).problems.size(), 1U);
}

TEST(loader, a_named_file_that_is_missing_is_an_error) {
    EXPECT_THAT(load_settings({"/nonexistent/tallyd.toml", {}}).problems,
                ElementsAre("/nonexistent/tallyd.toml: cannot be read: No such file or directory"));
    EXPECT_THAT(load_settings({"/", {}}).problems, ElementsAre("/: is a folder, not a file"));
}

TEST(loader, the_default_file_may_be_missing) {
    auto const before = std::filesystem::current_path();
    std::filesystem::current_path("/");
    auto const loaded = load_settings({std::nullopt, {}});
    std::filesystem::current_path(before);
    EXPECT_TRUE(loaded.ok());
    EXPECT_EQ(loaded.file, "");
}

TEST(loader, variables_of_others_that_begin_alike_are_left_alone) {
    EXPECT_THAT(
        load("", {"TALLYD_SERVICE_HOST=10.0.0.1", "TALLYD_PORT_8080_TCP=x", "PATH=/bin"}).problems,
        IsEmpty());
}

TEST(loader, a_bad_variable_is_reported_without_its_password) {
    auto const loaded = load("", {"TALLYD_DATABASE_URL=mysql://u:sesame@h"});
    ASSERT_EQ(loaded.problems.size(), 1U);
    EXPECT_EQ(loaded.problems.front().find("sesame"), std::string::npos);
}

TEST(loader, addresses_must_differ) {
    auto const loaded = load("http.listen = \"127.0.0.1:9464\"\n");
    ASSERT_EQ(loaded.problems.size(), 1U);
    EXPECT_THAT(loaded.problems.front(), HasSubstr("127.0.0.1:9464 occurs twice"));
    EXPECT_TRUE(load("http.listen = \"127.0.0.1:0\"\nadmin.listen = \"127.0.0.1:0\"\n").ok());
}

TEST(loader, the_journal_must_not_lie_in_the_clusters_folder) {
    EXPECT_FALSE(load("data_dir = \"x\"\njournal.dir = \"./x\"\n").ok());
}

RC_GTEST_PROP(loader, no_file_crashes_it, ()) {
    // Pieces with a meaning in TOML reach more code than random bytes.
    auto const piece = rc::gen::element<std::string>(
        "[", "]", "[[", "lanes", "http", ".", "listen", " = ", "\"", "'", "\"\"\"", "1", "-", "{",
        "}", ",", "\n", "#", "1979-05-27", "nan", "true", std::string{"\0", 1}, "\xff", "\\u0000");
    auto const pieces = *rc::gen::container<std::vector<std::string>>(piece);
    std::string content;
    for (auto const& each : pieces) {
        content += each;
    }
    auto const loaded = load(content);
    RC_ASSERT(loaded.origins.size() == settings_table().size());
}

} // namespace
