#pragma once

#include "storage/batch/batch_statements.hpp"
#include "storage/rerate/adjustment_batch.hpp"
#include "storage/rerate/rerate_runs.hpp"

#include <optional>
#include <span>
#include <string>
#include <vector>

namespace tally::storage {

/// Who changed calls, and why.
struct adjustment_author {
    std::string who;
    std::string reason; ///< empty: none was given
};

/// What a period's usage row says.
struct period_usage {
    usage_state state;
    std::int64_t corrections = 0; ///< moves when somebody changes stored calls
};

/// Writes changes to stored calls, each batch in one transaction, and the run's position with it:
///
///     begin()   the usage rows are locked: lanes that bill the same periods wait, and look again
///     commit()  usage → calls (as they were read?) → adjustments → balances → daily → run
///
/// in the order in which lanes take the same rows, so that neither waits for the other in a circle.
/// Locking first is what lets a run get on under a daemon that moves a row every few milliseconds.
/// One thread.
class adjustment_writer {
  public:
    adjustment_writer(std::string connection_string, adjustment_author author);

    /// Usage rows, in the order of `keys`, as they are: for a dry run.
    result load_usage(std::span<usage_key const> keys, std::vector<period_usage>& out);

    /// Begins a transaction and locks the usage rows.
    result begin(std::span<usage_key const> keys, std::vector<period_usage>& out);
    /// All of it or nothing. stale: a call was changed since it was read. unknown: the answer to
    /// COMMIT was lost.
    result commit(adjustment_batch const& what, rerate_run const& run);
    void roll_back() noexcept;

    /// Also for what needs no transaction of its own: begin, finish.
    [[nodiscard]] pq_connection& connection() noexcept { return connection_; }

  private:
    result read_usage(std::string const& sql, std::span<usage_key const> keys,
                      std::vector<period_usage>& out);
    result write(adjustment_batch const& what, rerate_run const& run);
    result write_usage(std::span<usage_delta const> rows);
    result write_calls(std::span<call_change const> changes);
    result write_day(std::span<std::uint32_t const> places, std::span<call_change const> changes);
    result write_adjustments(std::span<call_change const> changes, ingest::uuid const& run_id);
    result write_sums(adjustment_batch const& what);

    adjustment_author author_;
    pq_connection connection_;
    std::optional<pq_connection::pin> one_session_; ///< during a transaction
    usage_keys keys_;
    balance_rows balances_;
    daily_rows daily_;
};

} // namespace tally::storage
