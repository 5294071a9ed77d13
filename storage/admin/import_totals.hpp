#pragma once

#include "storage/admin/imports.hpp"

namespace tally::storage {

/// Adds up what the batches of an import stored, over all its runs: `committed` and `suspended` of
/// `out` are set. Right also after a kill, since a batch's row is part of its own transaction.
result stored_by_import(pq_connection& on, ingest::uuid const& id, import_counts& out);

} // namespace tally::storage
