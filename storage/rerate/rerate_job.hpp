#pragma once

#include "rating/catalog/catalog.hpp"
#include "storage/rerate/adjustment_writer.hpp"
#include "storage/rerate/rerate_reader.hpp"
#include "storage/rerate/rerater.hpp"

#include <functional>
#include <string>
#include <vector>

namespace tally::storage {

struct rerate_task {
    std::string connection_string;
    rating::catalog const* catalog = nullptr;
    rerate_selection what;
    adjustment_author author;
    bool is_dry_run = false;
    bool restart = false; ///< give up what an interrupted run of this selection did not do
    /// Calls of a transaction: lanes that bill the same periods wait for some tenths of a second.
    std::int64_t page_calls = 5'000;
    /// Calls of periods that are read together: few enough to be sorted in the server's memory,
    /// enough for a query to pay.
    std::int64_t chunk_calls = 20'000;
};

/// Who wants to know how it goes.
struct rerate_hooks {
    /// After each transaction (page, of a dry run): counts of the whole run.
    std::function<void(rerate_counts const&, std::int64_t calls_total)> on_progress;
    /// Each change, once it is stored (seen, of a dry run).
    std::function<void(call_change const&)> on_change;
    std::function<void(unrated_call const&)> on_unrated;
    /// True: end before the next transaction; the same selection goes on from there.
    std::function<bool()> stop;
};

enum class rerate_end : std::uint8_t { done, stopped, nothing_selected, busy };

struct rerate_outcome {
    rerate_end end = rerate_end::done;
    ingest::uuid run_id; ///< nil of a dry run
    std::int32_t runs = 1;
    rerate_counts counts;
};

/// Rates the calls of a selection again and writes what differs.
///
///     periods, some at a time → their calls in order → rerater → one transaction a page
///
/// The allowance of a period is drawn anew from its beginning, in order of answer. What calls that
/// are left alone have drawn (disputed, billed, those of detached partitions) is not available:
/// it is what the usage row counts beyond the calls that can be rated again. Calls that a daemon
/// stores meanwhile are in that row too; its version tells when to look again. They keep the
/// share that they got on arrival until the next run.
///
/// The run's position moves with each transaction, so a run that was killed goes on where it was.
/// One thread, two connections. Memory does not grow with the calls.
class rerate_job {
  public:
    rerate_job(rerate_task task, rerate_hooks hooks);

    /// Throws std::runtime_error when the database refuses; run it again then.
    rerate_outcome run();

  private:
    enum class step : std::uint8_t { done, again, stopped };

    /// What is known of a period of the chunk.
    struct known_period {
        std::int64_t to_come_s = 0; ///< allowance drawn by calls that are still to be rated
        std::int64_t corrections = 0;
        std::int64_t dry_s = 0; ///< what a dry run would have drawn more than was
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

    std::vector<known_period> known_;   ///< by period of the chunk
    std::vector<period_state> states_;  ///< likewise, good for the page's
    std::vector<std::uint32_t> places_; ///< periods of the page
    std::int64_t periods_before_ = 0;   ///< done before the chunk
    std::vector<unrated_call> unrated_; ///< of the page
    adjustment_batch changes_;
};

} // namespace tally::storage
