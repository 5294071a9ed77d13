#pragma once

#include "storage/admin/source_admin.hpp"

#include <string>
#include <vector>

namespace tally::daemon {

/// What `tallyd source rules` was told.
struct rules_request {
    std::string source;
    std::string set;                ///< new rules as JSON; empty: those that are stored
    std::vector<std::string> tried; ///< numbers to show the outcome of; then nothing is stored
    bool json = false;
};

/// The rules themselves of what was given on the command line: JSON, or @FILE that holds it.
/// Throws std::runtime_error that names every problem.
std::string checked_number_rules(std::string const& given);

/// Shows, sets or tries a source's number rules; an exit code.
int source_rules(storage::source_admin& sources, rules_request const& request);

} // namespace tally::daemon
