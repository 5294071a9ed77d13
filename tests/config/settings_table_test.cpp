#include "config/settings_table.hpp"

#include "config/report.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <unistd.h>

#include <fstream>
#include <set>
#include <sstream>

using namespace tally::config;
using testing::HasSubstr;
using testing::Not;

namespace {

std::string file_text(std::string const& path) {
    std::ifstream file{std::string{TALLY_SOURCE_DIR} + "/" + path};
    std::ostringstream content;
    content << file.rdbuf();
    return content.str();
}

TEST(settings_table, keys_and_their_variables_are_unique) {
    std::set<std::string> names;
    for (auto const& row : settings_table()) {
        EXPECT_TRUE(names.insert(std::string{row.key}).second) << row.key;
        EXPECT_TRUE(names.insert(environment_name(row.key)).second) << row.key;
    }
}

TEST(settings_table, every_default_is_allowed) {
    for (auto const& row : settings_table()) {
        settings values;
        auto const text = value_text(row, values);
        auto const bare = text.starts_with('"') ? text.substr(1, text.size() - 2) : text;
        EXPECT_EQ(set_from_text(row, bare, values), std::nullopt) << row.key;
        EXPECT_EQ(values, settings{}) << row.key;
    }
}

TEST(settings_table, every_row_changes_a_member_of_its_own) {
    std::vector<settings> changed;
    for (auto const& row : settings_table()) {
        settings values;
        if (auto const* number = std::get_if<number_setting>(&row.value)) {
            values.*number->member = -1;
        } else if (auto const* flag = std::get_if<flag_setting>(&row.value)) {
            values.*flag->member = !(values.*flag->member);
        } else {
            values.*std::get<text_setting>(row.value).member = "changed";
        }
        EXPECT_THAT(changed, Not(testing::Contains(values))) << row.key;
        changed.push_back(values);
    }
}

TEST(settings_table, every_member_has_a_row) {
    // Settings have only text, numbers and flags; this counts them. A flag is between wider members
    // and so takes as much space as a number.
    std::size_t texts = 0;
    std::size_t numbers = 0;
    for (auto const& row : settings_table()) {
        (std::holds_alternative<text_setting>(row.value) ? texts : numbers) += 1;
    }
    EXPECT_EQ(sizeof(settings), texts * sizeof(std::string) + numbers * sizeof(std::int64_t));
}

TEST(settings_table, bounds_are_kept) {
    for (auto const& row : settings_table()) {
        auto const* number = std::get_if<number_setting>(&row.value);
        if (number == nullptr) {
            continue;
        }
        settings values;
        EXPECT_FALSE(set_number(*number, number->min, values)) << row.key;
        EXPECT_FALSE(set_number(*number, number->max, values)) << row.key;
        EXPECT_EQ(values.*number->member, number->max) << row.key;
        EXPECT_TRUE(set_number(*number, number->min - 1, values)) << row.key;
        EXPECT_TRUE(set_number(*number, number->max + 1, values)) << row.key;
        EXPECT_EQ(values.*number->member, number->max) << row.key;
    }
}

TEST(settings_table, the_sample_file_is_the_one_in_the_tree) {
    EXPECT_EQ(file_text("config/tallyd.toml"), sample_file())
        << "run: tallyd check-config --sample >config/tallyd.toml";
}

TEST(settings_table, the_reference_page_is_the_one_in_the_tree) {
    EXPECT_EQ(file_text("config/REFERENCE.md"), reference_page())
        << "run: tallyd check-config --reference >config/REFERENCE.md";
}

TEST(settings_table, the_folders_of_a_first_run_are_ignored_by_git) {
    auto const ignored = "\n" + file_text(".gitignore");
    EXPECT_THAT(ignored, HasSubstr("\n/" + settings{}.data_dir + "/\n"));
    EXPECT_THAT(ignored, HasSubstr("\n/" + settings{}.journal_dir + "/\n"));
}

TEST(settings_table, the_sample_file_without_its_comment_marks_gives_the_defaults) {
    std::string path = (std::filesystem::temp_directory_path() / "tallyd-XXXXXX").string();
    close(mkstemp(path.data()));
    std::istringstream sample{sample_file()};
    std::ofstream bare{path};
    std::size_t assignments = 0;
    for (std::string line; std::getline(sample, line);) {
        bool const sets = line.starts_with("# ") && line.find(" = ") != std::string::npos;
        assignments += sets ? 1 : 0;
        bare << (sets ? line.substr(2) : line) << '\n';
    }
    bare.close();
    auto const loaded = load_settings({path, {}});
    std::filesystem::remove(path);
    EXPECT_THAT(loaded.problems, testing::IsEmpty());
    EXPECT_EQ(loaded.values, settings{});
    EXPECT_EQ(assignments, settings_table().size());
    EXPECT_THAT(loaded.origins, Not(testing::Contains("default")));
}

TEST(report, masks_passwords_in_both_forms) {
    auto const loaded =
        load_settings({std::nullopt, {"TALLYD_DATABASE_URL=postgres://u:sesame@h"}});
    std::ostringstream table;
    write_table(table, loaded);
    std::ostringstream json;
    write_json(json, loaded);
    for (auto const& text : {table.str(), json.str()}) {
        EXPECT_THAT(text, Not(HasSubstr("sesame")));
        EXPECT_THAT(text, HasSubstr("postgres://u:***@h"));
        EXPECT_THAT(text, HasSubstr("TALLYD_DATABASE_URL"));
    }
}

TEST(report, the_json_form_escapes_what_is_in_a_value) {
    auto const loaded = load_settings({std::nullopt, {"TALLYD_DATA_DIR=a\"b\\c\nd"}});
    std::ostringstream json;
    write_json(json, loaded);
    EXPECT_THAT(json.str(), HasSubstr(R"("a\"b\\c\nd")"));
}

} // namespace
