#include "daemon/admin/migrate_diagram.hpp"

#include "daemon/cli/command.hpp"
#include "storage/schema/diagram.hpp"
#include "storage/schema/migration_executor.hpp"

#include <fstream>
#include <iostream>
#include <iterator>
#include <optional>

namespace tally::daemon {
namespace {

/// nullopt: it cannot be read.
std::optional<std::string> text_of_file(std::string const& path) {
    std::ifstream input{path, std::ios::binary};
    std::string text{std::istreambuf_iterator<char>{input}, {}};
    return input ? std::optional{std::move(text)} : std::nullopt;
}

int complain(std::string const& path, std::string const& text) {
    std::cerr << "tallyd: " << path << ": " << text << '\n';
    return exit_failure;
}

int write(std::string const& path, std::string const& text) {
    std::ofstream out{path, std::ios::binary | std::ios::trunc};
    out << text << std::flush;
    return out ? exit_success : complain(path, "cannot be written");
}

/// For CI: the exit code tells a stale page from one that cannot be read.
int compare(std::string const& path, std::string const& is, std::string const& should_be) {
    if (is == should_be) {
        return exit_success;
    }
    complain(path,
             "its diagram differs from the schema; run: tallyd migrate diagram --write " + path);
    return static_cast<int>(storage::migrate_exit::changed);
}

} // namespace

int migrate_diagram(std::string const& connection_string, diagram_request const& item) {
    // Drawn from the catalog of the database, not from the files: it shows what is really there.
    storage::sql_session session{connection_string, "tallyd migrate"};
    auto const diagram = storage::schema_diagram(session);
    auto const& path = item.write_file.empty() ? item.check_file : item.write_file;
    if (path.empty()) {
        std::cout << diagram;
        return exit_success;
    }

    auto const page = text_of_file(path);
    if (!page) {
        return complain(path, "cannot be read");
    }

    // Only the text between the markers is ours: the rest of the page is written by people.
    auto const changed = storage::with_diagram(*page, diagram);
    if (!changed) {
        return complain(
            path, "the lines '<!-- diagram: begin -->' and '<!-- diagram: end -->' are missing");
    }
    return item.write_file.empty() ? compare(path, *page, *changed) : write(path, *changed);
}

} // namespace tally::daemon
