#pragma once

#include "storage/batch/batch_statements.hpp"
#include "storage/rerate/adjustment_batch.hpp"
#include "storage/rerate/runs.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tally::storage {

/// Who changed calls, and why.
struct adjustment_author {
    std::string author;
    std::string reason; ///< empty: no reason was given
};

/// The state of a period's usage row.
struct period_usage {
    usage_state state;
    std::int64_t corrections = 0; ///< incremented by every change to stored calls of the period
};

/// Writes changes to stored calls, each batch in one transaction, together with the position of the
/// run:
///
///     begin()   locks the usage rows: lanes that bill the same periods wait, then read them again
///     commit()  usage → calls (still as they were read?) → adjustments → balances → daily → run
///
/// The order of locks is that of the lanes, so there is no deadlock (docs/ARCHITECTURE.md, R13).
/// Locks come first because a daemon changes the row of a busy subscription every few milliseconds;
/// an optimistic page would never commit. One thread.
class adjustment_writer {
  public:
    adjustment_writer(std::string connection_string, adjustment_author author);

    /// Reads usage rows without a lock, in the order of `keys`: for a dry run.
    result load_usage(std::span<usage_key const> keys, std::vector<period_usage>& out);

    /// Begins a transaction, locks the usage rows and reads them, in the order of `keys`.
    result begin(std::span<usage_key const> keys, std::vector<period_usage>& out);
    /// Stores all, or nothing. stale: a call was changed since it was read. unknown: the answer to
    /// COMMIT was lost.
    result commit(adjustment_batch const& batch, rerate_run const& run);
    void roll_back() noexcept;

    /// The connection, also for statements outside a page: to begin and finish a run.
    [[nodiscard]] pq_connection& connection() noexcept { return connection_; }

  private:
    result read_usage(std::string const& sql, std::span<usage_key const> keys,
                      std::vector<period_usage>& out);
    result write(adjustment_batch const& batch, rerate_run const& run);
    result write_usage(std::span<usage_delta const> rows);
    result write_calls(std::span<call_change const> changes);
    result write_day(std::span<std::uint32_t const> indices, std::span<call_change const> changes);
    result write_adjustments(std::span<call_change const> changes, ingest::uuid const& run_id);
    result write_sums(adjustment_batch const& batch);

    adjustment_author author_;
    pq_connection connection_;
    std::optional<pq_connection::pin> one_session_; ///< during a transaction
    usage_keys keys_;
    balance_rows balances_;
    daily_rows daily_;
};

} // namespace tally::storage
