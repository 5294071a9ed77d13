#pragma once

#include "daemon/pipeline/closable_queue.hpp"
#include "daemon/pipeline/failure_report.hpp"
#include "daemon/pipeline/routed_block.hpp"
#include "storage/lane/lane_writer.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

namespace tally::daemon {

struct lane_options {
    std::uint32_t lane = 0;
    std::uint32_t lanes = 1;
    ingest::uuid daemon_id;
    ingest::uuid import_id; ///< nil except in tallyd import
    std::size_t batch_rows_max = 100'000;
    std::chrono::milliseconds linger_max{5};
    storage::partition_policy partitions;
};

/// A worker thread with one connection and one open batch. All charges of an account go through one
/// lane, in order, so that lanes neither wait for each other nor lose an update.
///
/// A batch is closed when it is full, or when the queue is empty and the linger time is over.
/// Batches are therefore small and quick at low load and large at high load, when slices arrive
/// while PostgreSQL commits the batch before.
///
/// Stopping: close() lets the lane finish its queue; give_up() ends its waiting for a database that
/// is unavailable; cancel() interrupts the statement under way. Then the thread ends, and
/// join() waits for it.
///
/// A lane that has given up one slice stores no later one, and takes none: its position in a stream
/// never passes a record that it did not store (docs/ARCHITECTURE.md, R2).
class lane {
  public:
    lane(lane_options options, std::string const& connection_string,
         storage::lane_observer& observer, failure_report& failures);
    ~lane();
    lane(lane const&) = delete;
    lane& operator=(lane const&) = delete;

    /// False once the lane is closed or has given up, and from then on always; the caller keeps the
    /// slice.
    [[nodiscard]] bool push(slice&& share) { return queue_.push(std::move(share)); }
    /// The number of records in the queue and in the open batch.
    [[nodiscard]] std::size_t records_waiting() const noexcept {
        return records_waiting_.load(std::memory_order_relaxed);
    }
    void announce(std::size_t records) noexcept {
        records_waiting_.fetch_add(records, std::memory_order_relaxed);
    }

    void close() noexcept { queue_.close(); }
    void give_up() noexcept;
    /// Call it after give_up().
    void cancel() noexcept { writer_.cancel(); }
    void join();

  private:
    enum class collected : std::uint8_t { batch, nothing, given_up };

    void run() noexcept;
    void work();
    void let_go() noexcept;
    collected collect();
    bool add(slice&& share);
    void mark(std::string const& stream, std::int64_t end);
    void add_entry(routed_block const& block, std::uint32_t index, std::uint32_t owner);
    bool store();
    bool wait(std::chrono::milliseconds time);
    [[nodiscard]] bool has_given_up();

    lane_options options_;
    failure_report& failures_;
    closable_queue<slice> queue_;
    storage::batch_writer writer_;
    storage::lane_writer lane_writer_;

    std::vector<slice> slices_; ///< of the open batch
    std::vector<storage::batch_entry> entries_;
    std::vector<storage::stream_mark> marks_;
    std::deque<std::string> stream_names_; ///< owns the names in marks_: their blocks may be freed
    std::uint64_t bytes_ = 0;

    std::atomic<std::size_t> records_waiting_{0};
    std::mutex stop_mutex_; ///< guards given_up_
    std::condition_variable stop_;
    bool given_up_ = false;
    std::thread thread_;
};

} // namespace tally::daemon
