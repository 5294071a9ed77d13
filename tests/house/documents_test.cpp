#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>

using namespace tally::house;

// Every page exists, and so does the target of every link. names_in_documents_test.cpp checks the
// names in pages.

namespace {

std::set<std::string> matches(std::string const& text, char const* pattern) {
    std::regex const regex{pattern};
    std::set<std::string> found;
    for (std::sregex_iterator match{text.begin(), text.end(), regex}, end; match != end; ++match) {
        found.insert((*match)[1].str());
    }
    return found;
}

TEST(documents, every_folder_with_sources_has_a_readme) {
    std::set<std::string> folders;
    for (auto const& file : source_tree()) {
        if (file.is_cpp() || file.path.ends_with(".sql")) {
            folders.insert(std::string{file.folder()});
        }
    }
    folders.erase("tests");
    folders.erase("cmake");
    for (auto const& folder : folders) {
        EXPECT_TRUE(exists(folder + "/README.md")) << folder;
    }
}

TEST(documents, relative_links_lead_somewhere) {
    for (auto const& file : source_tree()) {
        if (!file.path.ends_with(".md")) {
            continue;
        }
        for (auto const& link : matches(file.text, R"(\]\(([^)#:\s]+)(#[^)]*)?\))")) {
            auto const target = std::filesystem::path{file.path}.parent_path() / link;
            EXPECT_TRUE(exists(target.string())) << file.path << " links to " << link;
        }
    }
}

TEST(documents, dev_commands_exist) {
    auto const help = output_of(TALLY_SOURCE_DIR "/dev help");
    for (auto const& file : source_tree()) {
        if (!file.path.ends_with(".md")) {
            continue;
        }
        for (auto const& command : matches(file.text, R"(\./dev ([a-z]+))")) {
            EXPECT_NE(help.find("\n  " + command), std::string::npos)
                << file.path << ": " << command;
        }
    }
}

} // namespace
