#pragma once

#include "daemon/journal/push_answer.hpp"
#include "daemon/threads/credit.hpp"
#include "daemon/threads/heartbeat.hpp"
#include "ingest/journal/writer.hpp"
#include "ingest/record/record_sink.hpp"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

namespace tally::daemon {

struct push_journal_options {
    std::uint64_t bytes_max = 0;       ///< size of the folder, segments of earlier runs included
    std::int64_t memory_bytes_max = 0; ///< of pushes that are being read or written
    std::uint64_t earlier_bytes = 0;   ///< size of the streams that earlier runs left
    /// How long, and how much of, stored segments are kept, in addition to bytes_max: the database
    /// may go back to an older state.
    std::chrono::seconds retain{0};
    std::uint64_t retain_bytes = 0;
};

/// The outcome of one flush, reported on the journal's thread.
struct journal_report {
    std::chrono::nanoseconds took{};
    int error = 0;                  ///< errno; 0: all is on disk
    std::uint64_t records_lost = 0; ///< refused, so that their senders send them again
};

/// The record_sink of the HTTP and TCP sessions: appends pushes to the journal and acknowledges
/// them once they are on disk. Group commit: one thread makes one fdatasync for all pushes that
/// arrived during the previous one.
///
/// A sender that waits for COMMIT is answered by stored(), after the feeder has brought its records
/// to the database. A sender whose request has timed out is removed, so that the number of waiting
/// senders never exceeds the number of requests under way (at most http.connections_max), however
/// long the database is unavailable.
///
///     sessions ── push ──→ journal ──(durable)──→ on_done
///                             └── read again by journal_feeder ──→ lanes ── stored() ──→ on_done
class push_journal final : public ingest::record_sink {
  public:
    /// `decide` fills in who pays for a block's calls (record_block::decided), if that can be known
    /// now: without a catalog it leaves the block as it is.
    push_journal(push_journal_options options, ingest::journal_writer& writer,
                 std::function<std::shared_ptr<ingest::source_table const>()> sources,
                 std::function<void(ingest::record_block&)> decide,
                 std::function<void(journal_report const&)> report);
    ~push_journal() override;

    /// Starts to take pushes. Before, admit() gives `full`: the sources, by which pushes are
    /// authorized, are not loaded yet.
    void open() noexcept { open_ = true; }

    [[nodiscard]] ingest::push_status admit(std::size_t bytes) noexcept override;
    void release(std::size_t bytes) noexcept override;
    [[nodiscard]] ingest::push_status push(std::unique_ptr<ingest::record_block>& block) override;
    [[nodiscard]] std::shared_ptr<ingest::source_table const> sources() const override {
        return sources_();
    }

    /// Reports the outcome of the push that begins with this record: it is in the database, or (not
    /// durable) this run will not store it. Any thread.
    void stored(std::uint64_t first_record, ingest::block_outcome const& outcome);
    /// The database has confirmed the position `record` of this run's stream. Segments that contain
    /// only records below are removed once they were kept long enough. A lower position than
    /// before: the database went back. Any thread.
    void confirm_position(std::uint64_t record) noexcept { committed_ = record; }
    /// When the oldest push that is on disk and not in the database was received, to the second;
    /// nullopt: none. Derived from the two positions (durable, stored) only. Any thread.
    [[nodiscard]] std::optional<ingest::time_us> oldest();
    /// Reports that a stream of an earlier run is stored, and later that it has been removed, or
    /// that the database went back, so that it may no longer be stored.
    void earlier_stored(std::uint64_t bytes) noexcept { earlier_stored_bytes_ += bytes; }
    void earlier_lost(std::uint64_t bytes) noexcept { earlier_stored_bytes_ -= bytes; }
    void earlier_removed(std::uint64_t bytes) noexcept {
        earlier_bytes_ -= bytes;
        earlier_stored_bytes_ -= bytes;
        room_wanted_ = false;
    }
    /// Whether the disk is full and the oldest stored stream of an earlier run is to be removed.
    /// Any thread.
    [[nodiscard]] bool is_room_wanted() const noexcept { return room_wanted_; }
    /// Waits until `record` is durable, at most for `limit`. False: it is not.
    bool wait_durable(std::uint64_t record, std::chrono::milliseconds limit);

    /// Makes what was appended durable, answers its senders, and removes what need not be kept.
    /// True: there was something to write. One thread (push_journal_thread.hpp).
    bool step(std::chrono::steady_clock::time_point now);
    /// Between two steps: waits for a push, not for long. False: the journal is closed, and all
    /// that was taken is written. The same thread.
    bool await_push();
    /// Refuses pushes from now on. Any thread.
    void close() noexcept;
    /// The same, and no further step follows, because one has failed. The thread that steps.
    void end() noexcept;
    /// Answers the senders that still wait, for COMMIT or for a disk that failed: not durable.
    void give_up_waiting();

    /// The number of senders that wait for COMMIT. Any thread.
    [[nodiscard]] std::size_t commit_waiters() const;
    [[nodiscard]] bool is_full() const noexcept { return full_; }
    [[nodiscard]] std::uint64_t bytes() const;
    /// One past the number of the last durable record.
    [[nodiscard]] std::uint64_t durable() const noexcept { return durable_; }
    [[nodiscard]] heartbeat const& pulse() const noexcept { return pulse_; }

  private:
    struct waiter {
        std::uint64_t first_record = 0;
        std::uint64_t end_record = 0;
        std::size_t admitted_bytes = 0;
        bool waits_for_commit = false;
        push_answer answer;
    };
    struct commit_waiter {
        push_answer answer;
        bool has_gone = false; ///< before it was durable
    };

    struct arrival {
        std::uint64_t first_record = 0;
        ingest::time_us received = 0;
    };

    /// A position, and since when it is confirmed.
    struct confirmed {
        std::uint64_t record = 0;
        std::chrono::steady_clock::time_point since;
    };

    void remove_stored_segments(std::chrono::steady_clock::time_point now, bool is_disk_full);
    void note_confirmed(std::uint64_t committed, std::chrono::steady_clock::time_point now);
    std::uint64_t take_kept_long_enough(std::chrono::steady_clock::time_point now);
    void give_up_oldest(std::chrono::steady_clock::time_point now);
    void give_up_beyond_bound(std::uint64_t committed);
    /// Returns the number of the push's first record; nullopt: closed, and `pending` is untouched.
    std::optional<std::uint64_t> append(std::string const& payload, std::uint32_t records,
                                        waiter& pending);
    void sender_gone(std::uint64_t first_record);
    void tell_gone(std::uint64_t first_record);
    [[nodiscard]] push_answer take_commit_waiter(std::uint64_t first_record);
    void tell(std::deque<waiter>& waiters, ingest::journal_flush const& flush);
    [[nodiscard]] bool has_room(std::size_t bytes) noexcept;

    push_journal_options options_;
    ingest::journal_writer& writer_;
    std::function<std::shared_ptr<ingest::source_table const>()> sources_;
    std::function<void(ingest::record_block&)> decide_;
    std::function<void(journal_report const&)> report_;
    credit credit_;
    std::atomic<bool> open_{false};
    std::atomic<bool> closed_{false};
    std::atomic<bool> full_{false};
    std::atomic<std::uint64_t> earlier_bytes_;
    std::atomic<std::uint64_t> earlier_stored_bytes_{0};
    std::atomic<std::uint64_t> committed_{0};
    std::atomic<std::uint64_t> retained_bytes_{0}; ///< of this run's stored segments
    std::atomic<std::uint64_t> durable_{0};
    std::atomic<bool> room_wanted_{false};

    mutable std::mutex commit_mutex_; ///< guards commit_waiters_; locked before mutex_
    std::map<std::uint64_t, commit_waiter> commit_waiters_; ///< by first record
    std::mutex mutex_; ///< guards waiters_, arrivals_, stopping_ and the order of appending
    std::condition_variable wake_;
    std::condition_variable progress_;
    std::deque<waiter> waiters_;
    std::deque<arrival> arrivals_; ///< of pushes that are not stored, at most one per second
    bool stopping_ = false;
    ingest::journal_flush before_;     ///< the previous flush; see tell()
    std::deque<confirmed> confirmed_;  ///< at most one per second; used by the thread only
    std::uint64_t released_below_ = 0; ///< used by the thread only
    /// Since when the feeder is to make room; used by the thread only.
    std::chrono::steady_clock::time_point room_wanted_at_;
    heartbeat pulse_{"journal writer"};
};

} // namespace tally::daemon
