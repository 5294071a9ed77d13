#pragma once

#include "daemon/pipeline/lane.hpp"
#include "daemon/pipeline/lane_thread.hpp"
#include "daemon/threads/credit.hpp"
#include "daemon/threads/snapshot.hpp"
#include "ingest/record/record_sink.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/lane/lane_writer.hpp"
#include "storage/partitions/policy.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace tally::daemon {

struct pipeline_options {
    std::uint32_t lanes = 2;
    std::int64_t memory_bytes_max = 64 * 1024 * 1024; ///< of inputs under way
    /// Of it, what refused batches may hold before records go to suspense without a search; shared
    /// by the lanes (docs/ARCHITECTURE.md, R15).
    std::size_t aside_bytes_max = SIZE_MAX;
    std::size_t batch_rows_max = 100'000;
    std::chrono::milliseconds linger_max{5};
    std::size_t piece_rows = 8192; ///< see lane_options
    std::size_t key_sets = storage::recent_keys::sets_default;
    std::chrono::milliseconds grow_max{3000}; ///< see lane_options
    ingest::uuid import_id;                   ///< nil except in tallyd import
    storage::retry_wait pause{};              ///< see lane_options
};

/// Makes the connection of a lane.
using batch_store_maker = std::function<std::unique_ptr<storage::batch_store>(std::uint32_t lane)>;

/// Connections to PostgreSQL.
batch_store_maker lane_connections(std::string connection_string,
                                   storage::partition_policy partitions);

/// The pipeline from a decoded block to PostgreSQL: guides its records, assigns them to lanes, and
/// bounds the memory under way. The feeder and the file readers push from their threads; the lanes'
/// threads belong to the pipeline.
///
///     admit (bytes) → push: guide → lane queues → lanes → on_done, bytes given back
///
/// The catalog and the sources are set from outside (catalog_watch) and may change at any time. A
/// block is guided and rated by one version of them: the current one when it was pushed.
///
/// Stopping: drain() refuses new blocks and waits until all taken ones are stored. The destructor
/// gives up those that are not, and reports them as not durable.
class pipeline final : public ingest::record_sink {
  public:
    pipeline(pipeline_options const& options, batch_store_maker const& connect,
             storage::lane_observer& observer, failure_report& failures);
    ~pipeline() override;

    /// Starts the lanes' threads.
    void start();
    /// A lane, for a caller that steps the lanes itself instead of start().
    [[nodiscard]] lane& lane_at(std::uint32_t index) { return *lanes_[index]; }
    /// The chain of the decisions on payers, which the lanes' batches require.
    [[nodiscard]] last_commit& decisions() noexcept { return decisions_; }
    /// The last committed batch of each lane that has one, set before the batch's blocks report,
    /// and the last decisions.
    [[nodiscard]] std::vector<ingest::uuid> last_batches() const;
    /// To be called when the database went back: the batches may not be there. Blocks that were
    /// pushed before are dropped, not durable, as far as they are not stored: their streams are
    /// read again, and what they rest on may be lost.
    void forget_last_batches();
    /// To be called when positions cover all that these batches stored: the positions vouch for
    /// them, and the rows of ingest.batches may be deleted one day. The decisions stay: blocks that
    /// rest on them may not be pushed yet, which only their reader knows.
    void forget_last_batches(std::span<ingest::uuid const> covered);

    /// `is_awaited`: whether a sender waits for COMMIT; large batches then end early. Before
    /// start().
    void close_batches_early_when(std::function<bool()> is_awaited) {
        is_awaited_ = std::move(is_awaited);
    }

    void set_catalog(std::shared_ptr<rating::catalog const> next) { catalog_.set(std::move(next)); }
    void set_sources(std::shared_ptr<ingest::source_table const> next) {
        sources_.set(std::move(next));
    }
    [[nodiscard]] std::shared_ptr<rating::catalog const> catalog() const { return catalog_.get(); }

    /// Also gives `full` until the first catalog is set: without one no payer can be found.
    [[nodiscard]] ingest::push_status admit(std::size_t bytes) noexcept override;
    void release(std::size_t bytes) noexcept override;
    [[nodiscard]] ingest::push_status push(std::unique_ptr<ingest::record_block>& block) override;
    [[nodiscard]] std::shared_ptr<ingest::source_table const> sources() const override;

    /// True when every block that was taken is stored within `limit`.
    bool drain(std::chrono::milliseconds limit);

    [[nodiscard]] std::uint32_t lanes() const noexcept { return options_.lanes; }
    [[nodiscard]] std::size_t lane_queue(std::size_t lane) const noexcept {
        return lanes_[lane]->records_waiting();
    }

  private:
    [[nodiscard]] growth pace_of(std::size_t number) const;

    pipeline_options options_;
    credit credit_;
    std::function<bool()> is_awaited_{};
    snapshot<rating::catalog> catalog_;
    snapshot<ingest::source_table> sources_;
    last_commit decisions_;                    ///< outlives the lanes
    std::atomic<std::uint64_t> generation_{0}; ///< how often the database went back
    std::atomic<bool> closed_{false};
    std::atomic<std::int64_t> blocks_under_way_{0};
    std::vector<std::unique_ptr<lane>> lanes_;
    std::vector<std::unique_ptr<lane_thread>> threads_; ///< of the lanes, after start()
};

} // namespace tally::daemon
