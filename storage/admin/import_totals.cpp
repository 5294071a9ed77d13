#include "storage/admin/import_totals.hpp"

namespace tally::storage {

result stored_by_import(pq_connection& connection, ingest::uuid const& id, import_counts& out) {
    parameters values;
    values.add(id);
    pq_rows rows;
    result status = connection.query("SELECT coalesce(sum(committed), 0)::bigint,"
                                     " coalesce(sum(suspended), 0)::bigint"
                                     " FROM ingest.batches WHERE import_id = $1::uuid",
                                     values, rows);
    if (status.ok() && row_count(rows) == 1) {
        out.committed = int64_at(rows, 0, 0);
        out.suspended = int64_at(rows, 0, 1);
    }
    return status;
}

} // namespace tally::storage
