#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::house {

/// A file of the source tree.
struct source_file {
    std::string path; ///< relative to the root, with '/': "ingest/record/cdr.hpp"
    std::string text;

    /// "ingest" of "ingest/record/cdr.hpp"; empty for a file in the root.
    [[nodiscard]] std::string_view folder() const;
    [[nodiscard]] std::string_view name() const;
    [[nodiscard]] bool is_header() const { return path.ends_with(".hpp"); }
    [[nodiscard]] bool is_cpp() const { return is_header() || path.ends_with(".cpp"); }
};

/// All files except build trees, git's own files, the fuzz corpus (input, not source), and files
/// that a tallyd wrote when it ran here. Read once per program, sorted by path.
std::vector<source_file> const& source_tree();

/// C++ files only.
std::vector<source_file> cpp_files();

/// The text of one file of the tree; empty when it does not exist.
std::string text_of(std::string_view path);

bool exists(std::string_view path);

std::vector<std::string_view> lines_of(std::string_view text);

/// Standard output of a shell command.
std::string output_of(std::string const& command);

} // namespace tally::house
