#pragma once

#include "storage/batch/batch_writer.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <span>

namespace tally::storage {

/// What a batch's opening pipeline wrote is what the batch was rated on: `duplicate` when some
/// events are stored already, `stale` when others moved its rows. Counts the suspense rows that are
/// new.
result check_opening(std::span<pipelined const> statements, pipeline_outcome const& outcome,
                     batch const& what, commit_counts& counts);

} // namespace tally::storage
