#pragma once

#include "storage/admin/imports.hpp"

namespace tally::storage {

/// Sums up what the batches of an import stored, over all its runs: sets `committed` and
/// `suspended` of `out`. Exact even after a kill, since a batch's row is part of its transaction.
result stored_by_import(pq_connection& connection, ingest::uuid const& id, import_counts& out);

} // namespace tally::storage
