#pragma once

#include <string>

namespace tally::daemon {

/// The arguments of `tallyd migrate diagram`: at most one of the files. Without one the diagram is
/// printed.
struct diagram_request {
    std::string write_file; ///< replace the text between the markers of this page
    std::string check_file; ///< compare with the text between the markers of this page
};

/// Returns the exit code: 0, 1 for a file that cannot be used, 3 when --check finds a difference.
/// Throws storage::database_error.
int migrate_diagram(std::string const& connection_string, diagram_request const& item);

} // namespace tally::daemon
