#include "storage/admin/import_totals.hpp"

#include "storage/postgres/database_error.hpp"

namespace tally::storage {

import_counts stored_by_import(pq_connection& connection, ingest::uuid const& id) {
    // From the batches, which were stored with their records (S14): a killed import has no counts
    // of its own.
    parameters values;
    values.add(id);
    pq_rows rows;
    check(connection.query("SELECT coalesce(sum(committed), 0)::bigint,"
                           " coalesce(sum(suspended), 0)::bigint"
                           " FROM ingest.batches WHERE import_id = $1::uuid",
                           values, rows),
          "count the records of the import");
    return {.committed = int64_at(rows, 0, 0), .suspended = int64_at(rows, 0, 1)};
}

} // namespace tally::storage
