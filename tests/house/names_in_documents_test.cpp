#include "config/settings_table.hpp"
#include "tests/house/source_tree.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace tally::house;

// The paths, commands, settings, environment variables and metrics that a page names must exist,
// and so must the headings that its links refer to.

namespace {

/// Pages about the present state. The changelog may name things that no longer exist.
std::vector<source_file> pages() {
    std::vector<source_file> found;
    std::copy_if(source_tree().begin(), source_tree().end(), std::back_inserter(found),
                 [](source_file const& file) {
                     return file.path.ends_with(".md") && file.path != "CHANGELOG.md";
                 });
    return found;
}

/// The lines of a page that are in no fenced block (```).
std::vector<std::string_view> prose_lines(std::string_view page) {
    std::vector<std::string_view> lines;
    bool is_fenced = false;
    for (auto const line : lines_of(page)) {
        if (line.starts_with("```")) {
            is_fenced = !is_fenced;
        } else if (!is_fenced) {
            lines.push_back(line);
        }
    }
    return lines;
}

void add_spans(std::string const& paragraph, std::vector<std::string>& spans) {
    auto begin = paragraph.find('`');
    while (begin != std::string::npos) {
        auto const end = paragraph.find('`', begin + 1);
        if (end == std::string::npos) {
            return;
        }
        spans.push_back(paragraph.substr(begin + 1, end - begin - 1));
        begin = paragraph.find('`', end + 1);
    }
}

/// The texts between backticks, with line ends as blanks. A span ends at the end of its paragraph.
std::vector<std::string> code_spans(std::string_view page) {
    std::vector<std::string> spans;
    std::string paragraph;
    for (auto const line : prose_lines(page)) {
        if (line.empty()) {
            add_spans(paragraph, spans);
            paragraph.clear();
        } else {
            paragraph.append(line).append(1, ' ');
        }
    }
    add_spans(paragraph, spans);
    return spans;
}

bool is_in_a_source(std::string const& text) {
    auto const& tree = source_tree();
    return std::any_of(tree.begin(), tree.end(), [&text](source_file const& file) {
        return (file.is_cpp() || file.path.ends_with(".sql")) &&
               file.text.find(text) != std::string::npos;
    });
}

/// Whether a name is a text of its own in C++ or SQL.
bool is_quoted(std::string const& name) {
    return is_in_a_source('"' + name + '"') || is_in_a_source('\'' + name + '\'');
}

std::set<std::string> matches(std::string const& text, std::regex const& pattern) {
    std::set<std::string> found;
    for (std::sregex_iterator match{text.begin(), text.end(), pattern}, end; match != end;
         ++match) {
        found.insert(match->str());
    }
    return found;
}

// --- paths ----------------------------------------------------------------------------------

std::set<std::string> top_folders() {
    std::set<std::string> folders;
    for (auto const& file : source_tree()) {
        if (!file.folder().empty()) {
            folders.emplace(file.folder());
        }
    }
    return folders;
}

/// Whether a text is a path from the root: a top folder, a slash, and only characters of our paths.
/// "<name>" and "*" are placeholders, so a text with them is not a path.
bool is_path(std::string const& span, std::set<std::string> const& folders) {
    static std::regex const form{R"(([A-Za-z0-9_.-]+)/[A-Za-z0-9_./-]*)"};
    std::smatch match;
    return std::regex_match(span, match, form) && folders.contains(match[1].str());
}

TEST(documents, paths_exist) {
    auto const folders = top_folders();
    std::size_t paths = 0;
    for (auto const& page : pages()) {
        for (auto const& span : code_spans(page.text)) {
            if (is_path(span, folders)) {
                ++paths;
                EXPECT_TRUE(exists(span)) << page.path << ": " << span;
            }
        }
    }
    EXPECT_GT(paths, 0U);
}

// --- headings -------------------------------------------------------------------------------

/// The anchor of a heading in the rendered page: "## 3. Why, and how" -> "3-why-and-how".
std::string anchor_of(std::string_view heading) {
    heading.remove_prefix(std::min(heading.find_first_not_of("# "), heading.size()));
    std::string anchor;
    for (char const c : heading) {
        auto const byte = static_cast<unsigned char>(c);
        if (std::isalnum(byte) != 0 || c == '-' || c == '_') {
            anchor += static_cast<char>(std::tolower(byte));
        } else if (c == ' ') {
            anchor += '-';
        }
    }
    return anchor;
}

std::set<std::string> anchors_in(std::string_view page) {
    std::set<std::string> anchors;
    for (auto const line : prose_lines(page)) {
        if (line.starts_with('#')) {
            anchors.insert(anchor_of(line));
        }
    }
    return anchors;
}

TEST(documents, links_lead_to_headings) {
    static std::regex const link{R"(\]\(([^)#:\s]*)#([^)\s]+)\))"};
    for (auto const& page : pages()) {
        for (std::sregex_iterator match{page.text.begin(), page.text.end(), link}, end;
             match != end; ++match) {
            auto const target = std::filesystem::path{page.path}.parent_path() / (*match)[1].str();
            bool const is_here = (*match)[1].length() == 0;
            auto const text =
                is_here ? page.text : text_of(target.lexically_normal().generic_string());
            EXPECT_TRUE(anchors_in(text).contains((*match)[2].str()))
                << page.path << ": " << match->str();
        }
    }
}

// --- commands -------------------------------------------------------------------------------

/// A command and the next word, if there is one: "plan", "apply".
using command_words = std::pair<std::string, std::string>;

/// Commands between backticks, after a path, and on the lines of a block.
std::set<command_words> commands_in(std::string_view page) {
    static std::regex const command{
        R"((?:[`/]|^ {4,})tallyd ([a-z][a-z-]*)(?: ([a-z][a-z-]*))?(?=[\s`]|$))"};
    std::set<command_words> found;
    for (auto const view : lines_of(page)) {
        std::string const line{view};
        for (std::sregex_iterator match{line.begin(), line.end(), command}, end; match != end;
             ++match) {
            found.emplace((*match)[1].str(), (*match)[2].str());
        }
    }
    return found;
}

/// The output of `tallyd COMMAND --help`; of `tallyd --help` for "".
std::string const& help_of(std::string const& command) {
    static std::map<std::string, std::string> known;
    auto const [found, is_new] = known.try_emplace(command);
    if (is_new) {
        found->second = output_of(TALLY_BINARY " " + command + " --help 2>&1");
    }
    return found->second;
}

bool lists(std::string const& help, std::string const& command) {
    return help.find("\n  " + command + " ") != std::string::npos;
}

bool is_command(command_words const& words) {
    if (!lists(help_of(""), words.first)) {
        return false;
    }
    auto const& help = help_of(words.first);
    bool const has_subcommands = help.find("\nSubcommands:") != std::string::npos;
    return words.second.empty() || !has_subcommands || lists(help, words.second);
}

/// The names of connections in pg_stat_activity: "tallyd lane 0", "tallyd migrate lock".
bool is_connection(command_words const& words) {
    auto const rest = words.second.empty() ? "" : " " + words.second;
    return is_in_a_source("\"tallyd " + words.first + rest);
}

TEST(documents, commands_exist) {
    std::size_t commands = 0;
    for (auto const& page : pages()) {
        for (auto const& words : commands_in(page.text)) {
            ++commands;
            EXPECT_TRUE(is_command(words) || is_connection(words))
                << page.path << ": tallyd " << words.first << " " << words.second;
        }
    }
    EXPECT_GT(commands, 0U);
}

// --- settings, variables, metrics -----------------------------------------------------------

std::set<std::string> setting_sections() {
    std::set<std::string> sections;
    for (auto const& row : tally::config::settings_table()) {
        sections.emplace(tally::config::section_of(row.key));
    }
    sections.erase("");
    return sections;
}

/// A column of a table whose name is also that of a section: "suspense.source_id".
bool is_column(std::string const& name) {
    auto const& tree = source_tree();
    return std::any_of(tree.begin(), tree.end(), [&name](source_file const& file) {
        return file.folder() == "migrations" && file.path.ends_with(".sql") &&
               file.text.find("\n    " + name + " ") != std::string::npos;
    });
}

TEST(documents, settings_exist) {
    static std::regex const form{R"((([a-z]+)\.([a-z_]+))( = .*)?)"};
    auto const sections = setting_sections();
    for (auto const& page : pages()) {
        for (auto const& span : code_spans(page.text)) {
            std::smatch match;
            if (!std::regex_match(span, match, form) || !sections.contains(match[2].str())) {
                continue;
            }
            auto const key = match[1].str();
            EXPECT_TRUE(tally::config::find_setting(key).has_value() || is_quoted(key) ||
                        is_column(match[3].str()))
                << page.path << ": " << span;
        }
    }
}

TEST(documents, environment_variables_exist) {
    static std::regex const name{"TALLYD_[A-Z][A-Z_]*"};
    std::set<std::string> known;
    for (auto const& row : tally::config::settings_table()) {
        known.insert(tally::config::environment_name(row.key));
    }
    for (auto const& page : pages()) {
        for (auto const& variable : matches(page.text, name)) {
            EXPECT_TRUE(known.contains(variable) || is_in_a_source('"' + variable))
                << page.path << ": " << variable;
        }
    }
}

TEST(documents, metrics_exist) {
    static std::regex const name{R"(\btally_[a-z][a-z_]*)"};
    static std::regex const ending{"_(bucket|sum|count)$"};
    for (auto const& page : pages()) {
        for (auto const& metric : matches(page.text, name)) {
            auto const family = std::regex_replace(metric, ending, "");
            EXPECT_TRUE(is_quoted(metric) || is_quoted(family)) << page.path << ": " << metric;
        }
    }
}

// --- the readers themselves -----------------------------------------------------------------

TEST(documents, code_spans_end_with_their_paragraph_and_leave_blocks_out) {
    EXPECT_THAT(code_spans("a `b` `c\nd` e\n\nodd ` one\n\n```\n`f`\n```\n`g`\n"),
                testing::ElementsAre("b", "c d", "g"));
}

TEST(documents, anchors_are_made_of_headings) {
    EXPECT_EQ(anchor_of("### R2. A lane's `position`, moved"), "r2-a-lanes-position-moved");
    EXPECT_THAT(anchors_in("# One\n```\n# no heading\n```\n## Two words\n"),
                testing::ElementsAre("one", "two-words"));
}

TEST(documents, commands_are_found_in_spans_and_blocks) {
    EXPECT_THAT(commands_in("`tallyd run`, build/tallyd seed --demo, tallyd is\n"
                            "    tallyd plan apply FILE\n`tallyd import a.csv`\n"),
                testing::UnorderedElementsAre(command_words{"run", ""}, command_words{"seed", ""},
                                              command_words{"plan", "apply"},
                                              command_words{"import", ""}));
}

TEST(documents, paths_are_told_from_other_text) {
    std::set<std::string> const folders{"docs", "ingest"};
    EXPECT_TRUE(is_path("ingest/", folders));
    EXPECT_TRUE(is_path("docs/RATING.md", folders));
    EXPECT_FALSE(is_path("application/json", folders));
    EXPECT_FALSE(is_path("ingest/<name>.cpp", folders));
    EXPECT_FALSE(is_path("docs/ and ingest/", folders));
}

} // namespace
