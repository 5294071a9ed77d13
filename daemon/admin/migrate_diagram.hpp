#pragma once

#include <string>

namespace tally::daemon {

/// What `tallyd migrate diagram` is to do with the schema's diagram.
struct diagram_request {
    std::string write_file; ///< replace what is between the markers of this page
    std::string check_file; ///< compare with it; one of both, or none: print
};

/// Exit code of the command: 0, 1 for a file that cannot be used, 3 when --check finds another
/// diagram. Throws storage::sql_error.
int migrate_diagram(std::string const& connection_string, diagram_request const& what);

} // namespace tally::daemon
