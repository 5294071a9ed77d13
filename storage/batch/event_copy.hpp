#pragma once

#include "storage/batch/event_tables.hpp"
#include "storage/postgres/byte_buffer.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <vector>

namespace tally::storage {

/// Writes the facts of a batch's events into their tables, and events with effects into the queue,
/// within an open transaction: one COPY for each table that has any. One thread; keeps its memory
/// from batch to batch.
class event_copy {
  public:
    /// If the server refuses a row and its report names the row, `refused` is the index in
    /// what.events, otherwise no_row.
    result write(pq_connection& connection, batch const& rows, std::uint32_t& refused);

    static constexpr std::uint32_t no_row = UINT32_MAX;

  private:
    void sort(batch const& rows, fact_table const& table);
    result stream(pq_connection& connection, batch const& rows, fact_table const& table);

    std::vector<std::uint32_t> order_;
    byte_buffer buffer_;
};

} // namespace tally::storage
