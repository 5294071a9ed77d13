#pragma once

#include "storage/admin/maintenance.hpp"

namespace tally::storage {

// The work of each maintenance job; `out` is empty at the beginning. Rows are changed in batches,
// each in its own transaction, so that other sessions do not wait long and an interrupted job has
// done a part of its work.

result keep_partitions(pq_connection& connection, maintenance_options const& options,
                       maintenance_report& out);
result roll_up_months(pq_connection& connection, maintenance_options const& options,
                      maintenance_report& out);
result delete_old_batches(pq_connection& connection, maintenance_options const& options,
                          maintenance_report& out);
result clean_up_tokens(pq_connection& connection, maintenance_options const& options,
                       maintenance_report& out);
result clean_up_sessions(pq_connection& connection, maintenance_options const& options,
                         maintenance_report& out);
result expire_subscriptions(pq_connection& connection, maintenance_options const& options,
                            maintenance_report& out);
result list_expiring_trials(pq_connection& connection, maintenance_options const& options,
                            maintenance_report& out);

} // namespace tally::storage
