#include "tests/house/source_tree.hpp"

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <memory>
#include <sstream>

namespace tally::house {
namespace {

namespace fs = std::filesystem;

bool is_left_out(fs::path const& path) {
    auto const name = path.filename().string();
    return name == "build" || name == ".git" || name == ".cache" || name == "__pycache__" ||
           name == "corpus" || name == "tallyd-data" || name == "tallyd-journal";
}

std::string read(fs::path const& path) {
    std::ifstream file{path, std::ios::binary};
    std::ostringstream text;
    text << file.rdbuf();
    return std::move(text).str();
}

std::vector<source_file> read_tree() {
    std::vector<source_file> files;
    fs::path const root = TALLY_SOURCE_DIR;
    for (auto entry = fs::recursive_directory_iterator{root};
         entry != fs::recursive_directory_iterator{}; ++entry) {
        if (is_left_out(entry->path())) { // .git is a file in a linked working tree
            if (entry->is_directory()) {
                entry.disable_recursion_pending();
            }
        } else if (entry->is_regular_file()) {
            files.push_back(
                {entry->path().lexically_relative(root).generic_string(), read(entry->path())});
        }
    }
    std::sort(files.begin(), files.end(),
              [](auto const& a, auto const& b) { return a.path < b.path; });
    return files;
}

} // namespace

std::string_view source_file::folder() const {
    auto const slash = path.find('/');
    return slash == std::string::npos ? std::string_view{}
                                      : std::string_view{path}.substr(0, slash);
}

std::string_view source_file::name() const {
    return std::string_view{path}.substr(path.rfind('/') + 1); // npos + 1 is 0
}

std::vector<source_file> const& source_tree() {
    static std::vector<source_file> const files = read_tree();
    return files;
}

std::vector<source_file> cpp_files() {
    std::vector<source_file> files;
    std::copy_if(source_tree().begin(), source_tree().end(), std::back_inserter(files),
                 [](auto const& file) { return file.is_cpp(); });
    return files;
}

std::string text_of(std::string_view path) {
    for (auto const& file : source_tree()) {
        if (file.path == path) {
            return file.text;
        }
    }
    return {};
}

bool exists(std::string_view path) {
    return std::filesystem::exists(std::filesystem::path{TALLY_SOURCE_DIR} / path);
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        auto const end = std::min(text.find('\n'), text.size());
        lines.push_back(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return lines;
}

std::string output_of(std::string const& command) {
    std::string output;
    std::unique_ptr<FILE, int (*)(FILE*)> const pipe{popen(command.c_str(), "r"), pclose};
    std::array<char, 4096> buffer{};
    while (auto const size = fread(buffer.data(), 1, buffer.size(), pipe.get())) {
        output.append(buffer.data(), size);
    }
    return output;
}

} // namespace tally::house
