#pragma once

#include "storage/admin/imports.hpp"

namespace tally::storage {

/// Sums up what the batches of an import stored, over all its runs: `committed` and `suspended`,
/// the other counts are 0. Exact even after a kill, since a batch's row is part of its transaction.
/// Throws database_error.
import_counts stored_by_import(pq_connection& connection, ingest::uuid const& id);

} // namespace tally::storage
