#include "config/settings_table.hpp"
#include "ingest/base/record_error.hpp"
#include "ingest/formats/formats.hpp"
#include "tests/house/source_tree.hpp"

#include <gtest/gtest.h>

#include <regex>
#include <set>

using namespace tally::house;

// Every feature that is offered has a document, a test or a fuzz target.

namespace {

/// Whether any test outside this folder contains the text.
bool is_tested(std::string const& text) {
    for (auto const& file : source_tree()) {
        if (file.path.starts_with("tests/") && !file.path.starts_with("tests/house/") &&
            file.text.find(text) != std::string::npos) {
            return true;
        }
    }
    return false;
}

std::set<std::string> metric_names() {
    static std::regex const name{R"re("(tally_[a-z_]+)")re"};
    std::set<std::string> names;
    for (auto const& file : cpp_files()) {
        if (file.folder() != "daemon") {
            continue;
        }
        for (std::sregex_iterator match{file.text.begin(), file.text.end(), name}, end;
             match != end; ++match) {
            names.insert((*match)[1].str());
        }
    }
    return names;
}

TEST(settings, are_all_in_the_reference_and_the_sample_file) {
    auto const reference = text_of("config/REFERENCE.md");
    auto const sample = text_of("config/tallyd.toml");
    for (auto const& row : tally::config::settings_table()) {
        auto const name = row.key.substr(row.key.rfind('.') + 1); // npos + 1 is 0
        EXPECT_NE(reference.find("`" + std::string{row.key} + "`"), std::string::npos) << row.key;
        EXPECT_NE(sample.find("# " + std::string{name} + " = "), std::string::npos) << row.key;
    }
}

TEST(metrics, are_all_in_the_operators_page_and_in_a_test) {
    auto const page = text_of("config/prometheus/README.md");
    auto const names = metric_names();
    EXPECT_FALSE(names.empty());
    for (auto const& name : names) {
        EXPECT_NE(page.find("`" + name), std::string::npos) << name;
        EXPECT_TRUE(is_tested(name)) << name;
    }
}

TEST(metrics, in_the_operators_page_and_the_alerts_exist) {
    static std::regex const name{R"(\b(tally_[a-z_]+?)(_bucket|_sum|_count)?\b)"};
    auto const names = metric_names();
    for (auto const path : {"config/prometheus/README.md", "config/prometheus/alerts.yml"}) {
        auto const text = text_of(path);
        for (std::sregex_iterator match{text.begin(), text.end(), name}, end; match != end;
             ++match) {
            EXPECT_TRUE(names.contains((*match)[1].str()) || names.contains(match->str()))
                << path << ": " << match->str();
        }
    }
}

TEST(record_errors, are_each_in_a_test) {
    using tally::ingest::record_error;
    for (auto i = 1; i < static_cast<int>(record_error::count_); ++i) {
        std::string const code{tally::ingest::code(static_cast<record_error>(i))};
        EXPECT_TRUE(is_tested("record_error::" + code) || is_tested("\"" + code + "\"")) << code;
    }
}

TEST(formats, each_have_a_test_a_fuzz_target_and_a_corpus) {
    namespace fs = std::filesystem;
    fs::path const root = TALLY_SOURCE_DIR;
    EXPECT_FALSE(tally::ingest::formats().empty());
    for (auto const& format : tally::ingest::formats()) {
        std::string const name{format.name};
        bool has_test = false;
        for (auto const& file : source_tree()) {
            has_test = has_test || (file.path.starts_with("tests/ingest/formats/" + name) &&
                                    file.path.ends_with("_test.cpp"));
        }
        EXPECT_TRUE(has_test) << name;
        EXPECT_TRUE(exists("tests/fuzz/" + name + ".cpp")) << name;
        auto const corpus = root / "tests/fuzz/corpus" / name;
        EXPECT_TRUE(fs::is_directory(corpus) && !fs::is_empty(corpus)) << name;
    }
}

} // namespace
