#pragma once

#include "daemon/pipeline/last_commit.hpp"
#include "daemon/pipeline/routed_block.hpp"
#include "daemon/threads/closable_queue.hpp"
#include "daemon/threads/failure_report.hpp"
#include "daemon/threads/heartbeat.hpp"
#include "storage/lane/isolation.hpp"
#include "storage/lane/lane_writer.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <memory>
#include <mutex>
#include <vector>

namespace tally::daemon {

/// What decides how long a batch grows that is written ahead.
enum class growth : std::uint8_t {
    as_usual,        ///< until no more records come
    awaited,         ///< a sender waits for COMMIT: until the piece is written
    short_here,      ///< memory is short, and this batch is a large one: until the queue is empty
    short_elsewhere, ///< memory is short, and another lane's batch will give more of it back
};

struct lane_options {
    std::uint32_t lane = 0;
    std::uint32_t lanes = 1;
    ingest::uuid daemon_id;
    ingest::uuid import_id; ///< nil except in tallyd import
    std::size_t batch_rows_max = 100'000;
    std::chrono::milliseconds linger_max{5};
    /// Credit that refused batches may hold before parts of them go to suspense without a search.
    std::size_t aside_bytes_max = SIZE_MAX;
    /// Entries that are written ahead of the commit at once, while the batch goes on growing.
    std::size_t piece_rows = 8192;
    /// How long a batch that is written ahead grows at most, and waits for its next slice.
    std::chrono::milliseconds grow_max{3000};
    std::chrono::milliseconds grow_idle_max{100};
    /// Asked while a batch grows, on the lane's thread. Empty: as usual.
    std::function<growth()> pace{};
    std::size_t key_sets = storage::recent_keys::sets_default; ///< see recent_keys
    /// Waits before a failed attempt is repeated; false: give up. Empty: the lane's own wait, which
    /// give_up() ends.
    storage::retry_wait pause{};
    /// The decisions on payers that the lane's records rest on; nullptr: none.
    last_commit const* decisions = nullptr;
    /// The pipeline's generation: slices of an earlier one are dropped; nullptr: there is only one.
    std::atomic<std::uint64_t> const* generation = nullptr;
};

/// One connection and one open batch. All charges of an account go through one lane, in order, so
/// that lanes neither wait for each other nor lose an update.
///
/// A batch is closed when it is full, or when the queue is empty and the linger time is over.
/// Batches are therefore small and quick at low load and large at high load, when slices arrive
/// while PostgreSQL commits the batch before.
///
/// A batch that the database refuses is divided by source, and the part of the source with the bad
/// record waits aside while other batches go on; it is tried as often as the budget of failed
/// transactions allows (docs/ARCHITECTURE.md, R15). If the database does not name the record, the
/// parts of all sources are tried, those without a part aside first, and within the same budget.
/// When what waits holds too much of the pipeline's credit, the oldest parts aside go to suspense
/// as a whole.
///
///     queue ─→ open batch ─→ store ─────────────→ slices finish
///                              └ refused ─→ aside ─→ store, slowly ─┤
///                                             └ too many ─→ suspend ┘
///
/// A large batch of calls is written ahead of its commit while it grows (storage/README.md, S15).
///
/// A lane has no thread: step() does what is due and says when more will be (lane_thread.hpp).
class lane {
  public:
    using clock = std::chrono::steady_clock;

    /// What step() found.
    struct step_result {
        bool is_over = false;   ///< closed and empty, or given up: no further step
        clock::duration wait{}; ///< until something may be due; zero: now
    };

    lane(lane_options const& options, std::unique_ptr<storage::batch_store> database,
         storage::lane_observer& observer, failure_report& failures);
    ~lane();
    lane(lane const&) = delete;
    lane& operator=(lane const&) = delete;

    /// Does what is due now. A failure (a bug, no memory) is reported, and the lane is over. One
    /// thread.
    step_result step(clock::time_point now);
    /// Between two steps: waits until a slice comes, at most for `time`. The same thread.
    void await_slice(clock::duration time);

    /// False once the lane is closed or has given up, and from then on always; the caller keeps the
    /// slice. Any thread.
    [[nodiscard]] bool push(slice&& share);
    /// The number of records in the queue, in the open batch and aside. Any thread.
    [[nodiscard]] std::size_t records_waiting() const noexcept {
        return records_waiting_.load(std::memory_order_relaxed);
    }
    /// The number of records in the open batch. Any thread.
    [[nodiscard]] std::size_t records_open() const noexcept {
        return records_open_.load(std::memory_order_relaxed);
    }
    /// The last batch that was committed. The next one is committed only where this one is.
    [[nodiscard]] last_commit& last_batch() noexcept { return last_batch_; }
    [[nodiscard]] last_commit const& last_batch() const noexcept { return last_batch_; }
    [[nodiscard]] heartbeat const& pulse() const noexcept { return pulse_; }

    /// Stopping: close() lets the lane finish its queue; give_up() ends its waiting for a database
    /// that is unavailable; cancel() interrupts the statement under way. Then a step finds it over.
    /// Any thread.
    void close() noexcept { queue_.close(); }
    void give_up() noexcept;
    /// Call it after give_up().
    void cancel() noexcept { database_->cancel(); }

  private:
    /// How far the records of a slice are stored.
    struct slice_progress {
        std::size_t records_left = 0;
        ingest::block_outcome outcome;
    };
    /// Slices and their records, until each record is stored.
    struct open_batch {
        std::vector<slice> slices;            ///< empty ones are finished
        std::vector<slice_progress> progress; ///< of each slice
        std::vector<storage::batch_entry> entries;
        std::uint64_t bytes = 0;
        std::size_t parts_left = 1;   ///< of the entries, to be stored
        std::uint64_t generation = 0; ///< of all slices
        bool is_divided = false;      ///< its blocks count in divided_
        bool grows = true;            ///< what comes may be written ahead of the commit
    };
    struct part {
        std::shared_ptr<open_batch> batch;
        std::span<storage::batch_entry> entries;
    };
    /// What the unfinished slices of divided batches hold.
    struct held_blocks {
        std::size_t blocks = 0;
        std::size_t bytes = 0; ///< of credit, which comes back with a block's last slice
    };

    step_result advance(clock::time_point now);
    void fill(clock::time_point now);
    void add(slice&& share, clock::time_point now);
    step_result next_wait(clock::time_point now);
    [[nodiscard]] clock::duration linger_left(clock::time_point now) const;
    [[nodiscard]] std::shared_ptr<open_batch> close_batch();
    [[nodiscard]] bool has_piece() const noexcept;
    void write_ahead();
    [[nodiscard]] clock::duration growth_left(clock::time_point now) const;
    [[nodiscard]] growth pace() const;
    bool store_grown(clock::time_point now);
    bool store_open_batch(clock::time_point now);
    std::size_t put_aside(std::shared_ptr<open_batch> const& batch,
                          std::span<storage::batch_entry> entries);
    bool store_part_of(std::deque<part>& line, clock::time_point now);
    bool store_next_aside(clock::time_point now);
    bool store(part const& share);
    [[nodiscard]] bool has_part_aside(ingest::uuid const& source) const;
    void set_aside(part const& refused);
    void count_divided(open_batch& batch);
    void forget_divided(open_batch const& batch, slice const& share) noexcept;
    [[nodiscard]] bool is_crowded() const noexcept;
    bool relieve(clock::time_point now);
    void bring_forward(ingest::uuid const& source);
    [[nodiscard]] ingest::uuid most_refused() const;
    void forget_outdated();
    void finish_part(part const& share);
    void release_all() noexcept;
    [[nodiscard]] std::vector<ingest::uuid> required() const;
    [[nodiscard]] std::uint64_t generation() const noexcept;
    void drop(open_batch& batch);
    bool wait(std::chrono::milliseconds time);
    [[nodiscard]] bool has_given_up();

    lane_options options_;
    failure_report& failures_;
    heartbeat pulse_;
    closable_queue<slice> queue_;
    slice arrived_; ///< ended a wait; the next step adds it
    std::unique_ptr<storage::batch_store> database_;
    storage::lane_writer writer_;

    std::shared_ptr<open_batch> open_;
    std::uint64_t stored_generation_ = 0; ///< of the batch that is being stored
    clock::time_point opened_at_;         ///< when its first record came
    clock::time_point added_at_;          ///< when its last slice came
    std::deque<part> at_once_;            ///< parts that are not suspected, one source each
    std::deque<part> aside_;              ///< parts with a bad record, one source each
    held_blocks divided_;
    storage::refused_sources refused_sources_;
    storage::failure_budget budget_;
    std::vector<ingest::uuid> tried_; ///< sources whose parts aside were refused in this round
    storage::failure_budget relief_budget_{1, 1}; ///< of parts that suspense refuses, too

    std::atomic<std::size_t> records_waiting_{0};
    std::atomic<std::size_t> records_open_{0};
    last_commit last_batch_;
    std::mutex stop_mutex_; ///< guards given_up_
    std::condition_variable stop_;
    bool given_up_ = false;
};

} // namespace tally::daemon
