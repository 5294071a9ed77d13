#pragma once

#include "storage/batch/batch.hpp"
#include "storage/postgres/byte_buffer.hpp"

#include <span>
#include <string_view>

namespace tally::storage {

/// A table that takes the facts of events, or events with effects, by binary COPY.
struct fact_table {
    std::string_view name; ///< with its schema
    std::string_view copy_sql;
    /// Appends one row in COPY's binary format.
    void (*put)(byte_buffer& out, event_row const& row, batch const& rows);
    bool in_order_of_arrival = false; ///< copied in it, otherwise in key order
};

/// Where the events of one kind are stored, and which effects they have.
struct event_table {
    ingest::event_kind kind;
    /// The table of its facts; nullptr: its effect writes them.
    fact_table const* facts;
    /// The queue from which functions of the database are called (storage/effects); nullptr: the
    /// kind has facts and sums only.
    fact_table const* effects;
    /// The partitioned table that needs a partition for the event's time.
    std::string_view partitioned;
};

/// One row per kind, in the order of the enum. A new kind is a row here, an alternative of
/// ingest::event, a row in the table of types, a test, a fuzz target.
event_table const& table_of(ingest::event_kind kind) noexcept;

/// Every table of facts, and the queue of effects, each once.
std::span<fact_table const* const> fact_tables() noexcept;

/// Whether the batch queues effects.
bool has_effects(batch const& rows) noexcept;

} // namespace tally::storage
