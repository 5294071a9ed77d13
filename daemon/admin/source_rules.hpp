#pragma once

#include "storage/admin/source_admin.hpp"

#include <string>
#include <vector>

namespace tally::daemon {

/// The arguments of `tallyd source rules`.
struct rules_request {
    std::string source;
    std::string set;                ///< new rules as JSON; empty: use the stored ones
    std::vector<std::string> tried; ///< numbers to try; if there are any, nothing is stored
    bool json = false;
};

/// Returns the rules of an argument as JSON: it is JSON itself, or @FILE. Throws
/// storage::command_error whose text names every problem.
std::string checked_number_rules(std::string const& given);

/// Says on standard error that no source has that name. Returns the exit code.
int no_such_source(std::string const& name);

/// Shows, sets or tries the number rules of a source. Returns the exit code.
int source_rules(storage::source_admin& sources, rules_request const& request);

} // namespace tally::daemon
