#pragma once

#include "storage/suspense/suspense_rows.hpp"

#include <string>
#include <vector>

namespace CLI {
class App;
}

namespace tally::daemon {

/// Which suspended records a command is about, as typed.
struct suspense_selection {
    std::vector<std::string> ids; ///< or what they begin with
    std::vector<std::string> reasons;
    std::string source;
    std::string format;
    std::string since;
    std::string until;

    /// Nothing was typed.
    [[nodiscard]] bool is_open() const noexcept;
};

enum class with_ids : bool { no, yes };

void add_selection(CLI::App& command, suspense_selection& what, with_ids ids);

/// Looks ids and source up. Throws std::runtime_error for an id that is none or several, for a
/// source that is none, and when the database refuses.
storage::suspense_filter filter_of(suspense_selection const& what, storage::pq_connection& on);

/// The one row of an id or what it begins with, with its payload; throws likewise.
storage::suspense_record suspended_record(storage::pq_connection& on, std::string const& id);

} // namespace tally::daemon
