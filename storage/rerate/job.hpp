#pragma once

#include "rating/catalog/catalog.hpp"
#include "storage/rerate/adjustment_writer.hpp"
#include "storage/rerate/reader.hpp"
#include "storage/rerate/rerater.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tally::storage {

struct rerate_task {
    std::string connection_string;
    rating::catalog const* catalog = nullptr;
    rerate_selection selection;
    adjustment_author author;
    bool is_dry_run = false;
    bool restart = false; ///< abandon an interrupted run of this selection, begin a new one
    /// Calls per transaction. Lanes that bill the same periods wait for some tenths of a second.
    std::int64_t page_calls = 5'000;
    /// Calls of the periods that are read together: few enough for the server to sort in memory,
    /// enough to be worth a query.
    std::int64_t chunk_calls = 20'000;
};

/// Called while the job runs, on its thread. Each may be empty.
struct rerate_hooks {
    /// After each transaction (in a dry run: after each page), with the counts of the whole run.
    std::function<void(rerate_counts const&, std::int64_t calls_total)> on_progress;
    /// For each change, once it is stored (in a dry run: once it is computed).
    std::function<void(call_change const&)> on_change;
    std::function<void(unrated_call const&)> on_unrated;
    /// True: end before the next transaction. The same selection continues from there later.
    std::function<bool()> stop;
};

enum class rerate_end : std::uint8_t { done, stopped, nothing_selected, busy };

struct rerate_outcome {
    rerate_end end = rerate_end::done;
    ingest::uuid run_id; ///< nil for a dry run
    std::int32_t runs = 1;
    rerate_counts counts;
};

/// Rates the calls of a selection again and writes the differences.
///
///     a chunk of periods → their calls in order → rerater → one transaction per page
///
/// The allowance of a period is drawn again from its beginning, in order of answer. What frozen
/// calls have drawn (disputed, billed, those of detached partitions) is not available: it is the
/// difference between the usage row and the calls that can be rated again. Calls that a daemon
/// stores meanwhile are in that row too, and keep the share that they got on arrival until the next
/// run.
///
/// The run's position moves in each transaction, so an interrupted run continues where it was.
/// One thread, two connections. Memory does not grow with the number of calls.
class rerate_job {
  public:
    rerate_job(rerate_task task, rerate_hooks hooks);

    /// Throws database_error if a request fails; the same selection continues later.
    rerate_outcome run();

  private:
    enum class step : std::uint8_t { done, again, stopped };

    /// What is known of a period of the chunk.
    struct known_period {
        std::int64_t to_come_s = 0; ///< allowance drawn by calls that are yet to be rated again
        std::int64_t corrections = 0;
        std::int64_t dry_s = 0; ///< how much more a dry run would have drawn than is stored
    };

    bool prepare();
    void rerate_periods();
    step rerate_chunk(std::span<rerate_period const> periods);
    [[nodiscard]] std::span<rerate_period const>
    rest_of(std::span<rerate_period const> periods) const;
    step rerate_page(std::span<rerate_period const> periods, std::span<rerate_call const> calls);
    result try_page(std::span<rerate_period const> periods, std::span<rerate_call const> calls);
    result read_states(std::span<rerate_period const> periods);
    void learn(std::span<rerate_call const> calls);
    void report() const;
    void finish_chunk(std::span<rerate_period const> periods);
    [[nodiscard]] bool stopping() const { return hooks_.stop && hooks_.stop(); }

    rerate_task task_;
    rerate_hooks hooks_;
    rerate_reader reader_;
    adjustment_writer writer_;
    rerater rerater_;
    rerate_run run_;
    std::int64_t calls_total_ = 0;
    rerate_end end_ = rerate_end::done;

    std::vector<known_period> known_;  ///< by period of the chunk
    std::vector<period_state> states_; ///< by period of the chunk; valid for those of the page
    std::vector<std::uint32_t> period_indices_; ///< indices of the page's periods
    std::int64_t periods_before_ = 0;           ///< number done before the chunk
    std::vector<unrated_call> unrated_;         ///< of the page
    adjustment_batch changes_;
};

} // namespace tally::storage
