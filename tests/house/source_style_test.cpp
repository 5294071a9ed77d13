#include "tests/house/cpp_scanner.hpp"
#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <cstdio>
#include <memory>
#include <regex>
#include <set>

using namespace tally::house;

// Rules for source files that a reviewer should not have to check. A limit may fall, never rise.

namespace {

namespace fs = std::filesystem;

constexpr std::size_t function_lines_max = 70;
constexpr std::size_t file_lines_max = 400;
constexpr std::size_t line_characters_max = 100;

/// The folders that a folder may include, besides itself.
std::map<std::string_view, std::set<std::string_view>> const allowed_includes = {
    {"ingest", {}},
    {"rating", {"ingest"}},
    {"storage", {"ingest", "rating"}},
    {"config", {}},
    {"daemon", {"ingest", "rating", "storage", "config"}},
};

/// The path of each `#include "folder/file"` line.
std::vector<std::string> own_includes(source_file const& file) {
    static std::regex const include{R"re(^\s*#\s*include\s*"([^"]+)")re"};
    std::vector<std::string> found;
    for (auto const line : lines_of(file.text)) {
        std::match_results<std::string_view::const_iterator> match;
        if (std::regex_search(line.begin(), line.end(), match, include)) {
            found.push_back(match[1].str());
        }
    }
    return found;
}

TEST(includes, point_in_one_direction) {
    for (auto const& file : cpp_files()) {
        auto const allowed = allowed_includes.find(file.folder());
        if (allowed == allowed_includes.end()) {
            continue;
        }
        for (auto const& include : own_includes(file)) {
            auto const folder = include.substr(0, include.find('/'));
            EXPECT_TRUE(folder == file.folder() || allowed->second.contains(folder))
                << file.path << " includes " << include;
        }
    }
}

TEST(includes, name_the_folder_and_exist) {
    for (auto const& file : cpp_files()) {
        for (auto const& include : own_includes(file)) {
            auto const beside = fs::path{file.path}.parent_path() / include;
            bool const is_test = file.folder() == "tests";
            EXPECT_TRUE(exists(include) || (is_test && exists(beside.string())))
                << file.path << " includes " << include;
        }
    }
}

/// Our headers that include a header that takes seconds to compile, directly or indirectly.
std::set<std::string> heavy_headers() {
    static std::regex const heavy{R"(#\s*include\s*<(boost/(beast|asio)|simdjson|toml\+\+|CLI/))"};
    std::set<std::string> found;
    for (std::size_t before = 1; before != found.size();) {
        before = found.size();
        for (auto const& file : cpp_files()) {
            auto const includes = own_includes(file);
            bool const reaches = std::any_of(includes.begin(), includes.end(),
                                             [&](auto const& one) { return found.contains(one); });
            if (file.is_header() && (reaches || std::regex_search(file.text, heavy))) {
                found.insert(file.path);
            }
        }
    }
    return found;
}

TEST(includes, heavy_headers_stay_inside_their_folder) {
    auto const heavy = heavy_headers();
    for (auto const& file : cpp_files()) {
        for (auto const& include : own_includes(file)) {
            EXPECT_TRUE(!heavy.contains(include) ||
                        include.starts_with(std::string{file.folder()} + '/'))
                << file.path << " includes " << include;
        }
    }
}

TEST(headers, begin_with_pragma_once) {
    for (auto const& file : cpp_files()) {
        EXPECT_TRUE(!file.is_header() || file.text.starts_with("#pragma once") ||
                    file.path == "cmake/pch.hpp")
            << file.path;
    }
}

TEST(threads, are_started_by_the_daemon_only) {
    static std::regex const start{R"(std::(jthread|async)\b|std::thread\b(?!::))"};
    for (auto const& file : cpp_files()) {
        auto const folder = file.folder();
        if (folder == "ingest" || folder == "rating" || folder == "storage" || folder == "config") {
            EXPECT_FALSE(std::regex_search(without_comments_and_text(file.text), start))
                << file.path;
        }
    }
}

TEST(rating, has_no_clock_and_no_input_or_output) {
    static std::regex const impure{
        R"(_clock::now|#\s*include\s*<(fstream|iostream|sys/socket\.h|libpq-fe\.h))"};
    for (auto const& file : cpp_files()) {
        EXPECT_FALSE(file.folder() == "rating" && std::regex_search(file.text, impure))
            << file.path;
    }
}

// A second way to connect would be a second way to fail. Tests and benchmarks have connections of
// their own, which share no mistake with the product.
TEST(connections, are_opened_by_the_room_of_libpq_only) {
    static std::regex const direct{R"(\bPQ(connect|setdb|ping)\w*|libpq-fe\.h)"};
    for (auto const& file : cpp_files()) {
        EXPECT_FALSE(allowed_includes.contains(file.folder()) &&
                     !file.path.starts_with("storage/postgres/") &&
                     std::regex_search(file.text, direct))
            << file.path;
    }
}

// assert() is off in release builds, where it matters most: TALLY_ASSERT stays on.
TEST(assertions, stay_on_in_release) {
    static std::regex const plain{R"((^|\W)assert\s*\()"};
    static std::regex const header{R"(#\s*include\s*<(cassert|assert\.h)>)"};
    for (auto const& file : cpp_files()) {
        if (allowed_includes.contains(file.folder())) {
            EXPECT_FALSE(std::regex_search(without_comments_and_text(file.text), plain) ||
                         std::regex_search(file.text, header))
                << file.path;
        }
    }
}

TEST(functions, are_short) {
    for (auto const& file : cpp_files()) {
        for (auto const& function : functions_of(file.text)) {
            EXPECT_LE(function.lines, function_lines_max)
                << file.path << ":" << function.line << ": " << function.head;
        }
    }
}

TEST(files, are_short) {
    for (auto const& file : cpp_files()) {
        EXPECT_LE(lines_of(file.text).size(), file_lines_max) << file.path;
    }
}

TEST(files, hold_no_tabs_and_no_blanks_at_line_ends) {
    for (auto const& file : cpp_files()) {
        EXPECT_EQ(file.text.find('\t'), std::string::npos) << file.path;
        EXPECT_EQ(file.text.find(" \n"), std::string::npos) << file.path;
    }
}

/// The number of characters of UTF-8 text.
std::size_t characters_of(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xC0) != 0x80; // not a continuation byte
    }));
}

/// Whether the line is a comment, or ends with one.
bool has_comment(std::string_view line) {
    auto const text = line.substr(std::min(line.find_first_not_of(' '), line.size()));
    return text.starts_with("//") || text.find(" // ") != text.npos ||
           text.find(" ///< ") != text.npos;
}

// clang-format leaves comments as they are.
TEST(comments, fit_into_the_line) {
    EXPECT_EQ(characters_of("\xE2\x94\x80x"), 2U);
    for (auto const& file : cpp_files()) {
        std::size_t number = 0;
        for (auto const line : lines_of(file.text)) {
            ++number;
            EXPECT_TRUE(!has_comment(line) || characters_of(line) <= line_characters_max)
                << file.path << ":" << number << ": " << line;
        }
    }
}

// The sources explain the project. How and where it was made is not part of it.
TEST(files, speak_of_the_project_alone) {
    // The words are split, so that this file itself follows the rule.
    static std::regex const forbidden{"/wo"
                                      R"(rk/|\.\./sha)"
                                      "red|"
                                      R"(\b(issue|ticket|bug|pull request)s?\s+#?\d+)"
                                      R"(|\b(fixes|closes|see) #\d)"
                                      "|\\bTO"
                                      "DO\\b|\\bFIX"
                                      "ME\\b",
                                      std::regex::icase};
    for (auto const& file : source_tree()) {
        for (auto const line : lines_of(file.text)) {
            EXPECT_FALSE(line.size() < 1000 &&
                         std::regex_search(line.begin(), line.end(), forbidden))
                << file.path << ": " << line;
        }
    }
}

/// The output of `git ls-files` with these options, one path per line. Works only in a checkout.
std::string tracked_files(std::string const& options) {
    auto const command = "git -c safe.directory='*' -C '" TALLY_SOURCE_DIR "' ls-files " + options;
    std::unique_ptr<FILE, int (*)(FILE*)> const pipe{popen(command.c_str(), "r"), pclose};
    std::string files;
    for (int c = fgetc(pipe.get()); c != EOF; c = fgetc(pipe.get())) {
        files += static_cast<char>(c);
    }
    return files;
}

TEST(files, that_git_ignores_are_not_tracked) {
    if (!exists(".git")) {
        GTEST_SKIP() << "no checkout";
    }
    EXPECT_NE(tracked_files("dev"), "");
    EXPECT_EQ(tracked_files("--cached --ignored --exclude-standard"), "");
}

} // namespace
