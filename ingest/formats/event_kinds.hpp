#pragma once

#include "ingest/record/event.hpp"

#include <span>
#include <string_view>

namespace tally::ingest {

class event_data_reader;

/// One row of the table of event types: the type, and how its data is read.
struct event_type {
    std::string_view name; ///< "usage"; with a '.' at its end, all types that begin with it
    event_kind kind;
    /// Reads the data into the typed record of `out`; false with the reader's fault.
    bool (*read)(event_data_reader& reader, event& out);
    std::string_view description; ///< one line for documents and errors
};

/// All types that this version knows. A new one is a row here and one in
/// storage/batch/event_tables.
std::span<event_type const> event_types() noexcept;

/// nullptr for an unknown type.
event_type const* find_event_type(std::string_view type) noexcept;

} // namespace tally::ingest
