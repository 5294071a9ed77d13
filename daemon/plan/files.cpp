#include "daemon/plan/files.hpp"

#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>

namespace tally::daemon {
namespace {

namespace fs = std::filesystem;

/// nullopt: there is no such file, or it cannot be read to its end.
std::optional<std::string> text_of(fs::path const& file) {
    std::error_code ignored;

    // A folder can be opened like a file, and is then read as empty.
    std::ifstream input{file, std::ios::binary};
    if (!input || fs::is_directory(file, ignored)) {
        return std::nullopt;
    }
    std::string text{std::istreambuf_iterator<char>(input), {}};
    return input.bad() ? std::nullopt : std::optional{std::move(text)};
}

} // namespace

rating::plan_reading read_plan_file(std::string const& path) {
    auto const text = text_of(path);
    if (!text) {
        return {std::nullopt, {{path, 0, 0, "cannot be read"}}};
    }

    // Decks are found beside their plan, wherever the command is run.
    auto const folder = fs::path{path}.parent_path();
    return rating::read_plan(*text, path,
                             [&folder](std::string_view name) { return text_of(folder / name); });
}

std::string line_of(rating::plan_problem const& problem) {
    std::string location = problem.file;

    // Without a line the problem is one of the whole file.
    if (problem.line != 0) {
        location += ':' + std::to_string(problem.line) + ':' + std::to_string(problem.column);
    }
    return location + ": " + problem.text;
}

} // namespace tally::daemon
