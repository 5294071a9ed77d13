#pragma once

#include "storage/batch/batch_statements.hpp"
#include "storage/batch/batch_store.hpp"
#include "storage/batch/cdr_copy.hpp"
#include "storage/batch/event_copy.hpp"
#include "storage/batch/event_partitions.hpp"
#include "storage/batch/event_statements.hpp"
#include "storage/partitions/partitions.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <deque>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tally::storage {

/// One transaction. Each line is one wait for the server, the second once per table that has rows:
///
///     pipeline  BEGIN, claim, usage, metrics, identities of events, values, suspense, resolve
///                                                    -> all new? all versions as expected?
///                                                       do all retried records still wait?
///     COPY      the calls, then the facts of each kind of event, sorted by key; the events that
///               have effects, in order of arrival
///     pipeline  counters, balances, daily, batch row, COMMIT
///
/// Usage comes first: a stale batch is found before a row is copied, and the foreign keys of the
/// usage rows cover the accounts and subscriptions of the calls. Balances come late: other sessions
/// wait for these rows. The S numbers are rules of storage/README.md, the R numbers those of
/// docs/ARCHITECTURE.md.
///
/// After `stale` the transaction begins earlier: lock_rows() locks and reads the usage and metric
/// rows before the batch is rated, in the order in which the opening changes them. Of a large batch
/// write_ahead() copies the calls while it grows: then they stand before the opening.
class batch_transaction {
  public:
    batch_transaction(std::string connection_string, std::string purpose, partition_policy policy)
        : connection{std::move(connection_string), std::move(purpose), batch_statements(),
                     write_path_limits()},
          partitions{policy}, partitions_of_events{policy} {}

    /// As batch_store::lock_rows(), write_ahead(), commit() and roll_back().
    result lock_rows(std::span<usage_delta const> usage, std::span<metric_row const> metrics);
    result write_ahead(batch const& rows);
    result commit(batch const& rows, commit_counts& counts);
    void roll_back() noexcept;

    pq_connection connection;
    cdr_partitions partitions; ///< those that are known to be there
    event_partitions partitions_of_events;

  private:
    static pq_connection::limits write_path_limits() {
        pq_connection::limits bounds;
        bounds.locks_in_order = true;
        return bounds;
    }

    result open(batch const& rows);
    result begin(batch const& rows, commit_counts& counts);
    result write_facts(batch const& rows, commit_counts& counts);
    result finish(batch const& rows, commit_counts const& counts);
    result fail(result status) noexcept;

    std::optional<pq_connection::pin> transaction_; ///< while one is open
    cdr_copy calls_;
    event_copy facts_;
    identity_rows identities_;
    metric_rows metrics_;
    metric_locks locks_of_metrics_;
    unique_value_rows unique_values_;
    event_counters counters_;
    suspense_statements suspense_;
    usage_rows usage_{usage_rows::part::existing};
    usage_rows new_usage_{usage_rows::part::missing};
    usage_locks locks_of_usage_;
    balance_rows balances_;
    daily_rows daily_;
    std::deque<parameters> required_; ///< one per statement
    resolved_rows resolved_;
    parameters values_;
    std::vector<pipelined> statements_;
    pipeline_outcome outcome_;
};

} // namespace tally::storage
