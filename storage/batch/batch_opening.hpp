#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <span>

namespace tally::storage {

/// Checks that the opening pipeline changed as many rows as the batch expects: `duplicate` if some
/// events are already stored, `stale` if another session changed its rows (docs/ARCHITECTURE.md,
/// R8 and R16), `lost` if a required batch is not there (R5). Adds the new suspense rows to
/// `counts.suspended`.
result check_opening(std::span<pipelined const> statements, pipeline_outcome const& outcome,
                     batch const& rows, commit_counts& counts);

/// Checks that lock_rows() holds the lock of each of `usage_rows` usage rows; `stale` if another
/// session created some of them between the two statements.
result check_locks(std::span<pipelined const> statements, pipeline_outcome const& outcome,
                   std::size_t usage_rows);

} // namespace tally::storage
