#pragma once

#include "storage/batch/batch.hpp"
#include "storage/postgres/byte_buffer.hpp"

#include <span>
#include <string_view>

namespace tally::storage {

/// A table that takes the facts of events by binary COPY.
struct fact_table {
    std::string_view name; ///< with its schema; partitioned by the time of the events
    std::string_view copy_sql;
    /// Appends one row in COPY's binary format.
    void (*put)(byte_buffer& out, event_row const& row, batch const& rows);
};

/// Where the events of one kind are stored, and which effects they have.
struct event_table {
    ingest::event_kind kind;
    /// The table of its facts; nullptr: the apply statement writes them.
    fact_table const* facts;
    /// A prepared statement that calls a function of the database for each event, in order
    /// (statement::apply_*); nullptr: the kind has facts and sums only.
    char const* apply;
    /// The partitioned table that needs a partition for the event's time.
    std::string_view partitioned;
};

/// One row per kind, in the order of the enum. A new kind is a row here, an alternative of
/// ingest::event, a row in the table of types, a test, a fuzz target.
std::span<event_table const> event_tables() noexcept;
event_table const& table_of(ingest::event_kind kind) noexcept;

/// Every table of facts, each once.
std::span<fact_table const* const> fact_tables() noexcept;

} // namespace tally::storage
