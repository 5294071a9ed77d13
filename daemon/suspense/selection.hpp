#pragma once

#include "storage/suspense/rows.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tally::daemon {

/// The suspended records that a command selects, as typed on the command line.
struct suspense_selection {
    std::vector<std::string> ids; ///< ids, or unique prefixes of them
    std::vector<std::string> reasons;
    std::string source;
    std::string format;
    std::string since;
    std::string until;

    /// No filter was given.
    [[nodiscard]] bool is_open() const noexcept;
};

enum class with_ids : bool { no, yes };

void add_selection(CLI::App& command, suspense_selection& selection, with_ids ids);

/// Looks up ids and source. Throws storage::command_error for an id that matches no record or
/// several, for an unknown source, and when a statement fails.
storage::suspense_filter filter_of(suspense_selection const& selection,
                                   storage::pq_connection& connection);

/// The one row with this id, or whose id begins with it, and its payload. Throws as filter_of()
/// does.
storage::suspense_record suspended_record(storage::pq_connection& connection,
                                          std::string const& id);

} // namespace tally::daemon
