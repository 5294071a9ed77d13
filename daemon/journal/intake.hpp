#pragma once

#include "daemon/journal/feeder.hpp"
#include "daemon/journal/push_journal.hpp"
#include "daemon/journal/push_journal_thread.hpp"
#include "daemon/pipeline/pipeline.hpp"
#include "daemon/pipeline/position_keeper.hpp"
#include "daemon/pipeline/watched_stores.hpp"
#include "ingest/journal/folder.hpp"
#include "storage/lane/stored_positions.hpp"

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tally::daemon {

struct intake_options {
    std::filesystem::path folder;
    std::uint64_t bytes_max = 0;
    std::int64_t memory_bytes_max = 0;
    std::chrono::seconds retain{0}; ///< see push_journal_options
    std::uint64_t retain_bytes = 0;
    bool skip_damage = false; ///< go on without the records that a damaged journal has lost
    std::string connection_string;
};

/// The journal of pushes, the feeder that reads it for the lanes, and the keeper of its positions.
/// Responsible for a push from its acknowledgement to its COMMIT, even when the database is
/// unavailable, goes back to an older state, or the daemon is killed in between.
///
///     sessions → sink() → journal → feeder → lanes
///                            ↑                 │
///                            └──── keeper ←────┘   positions: what may be released
class intake {
  public:
    /// Locks the journal's folder and finds what earlier runs left in it. Throws std::runtime_error
    /// whose text says what is wrong and what to do: in use, not writable, of a newer version.
    intake(intake_options options, pipeline& lanes, failure_report& failures,
           std::function<void(journal_report const&)> report);
    ~intake();
    intake(intake const&) = delete;
    intake& operator=(intake const&) = delete;

    [[nodiscard]] ingest::record_sink& sink() noexcept { return *pushes_; }
    /// Starts to take pushes; call it once the sources are known, by which pushes are authorized.
    void open() noexcept { pushes_->open(); }
    void start();

    /// Refuses pushes from now on. All that were taken are on disk when it returns.
    void close();
    /// After close(): waits up to `limit`. True when all records of the journal are in the
    /// database.
    bool drain(std::chrono::milliseconds limit);
    /// Ends the feeder and the keeper. Call it before the lanes are destroyed.
    void stop() noexcept;
    /// After the lanes are destroyed: answers the senders that still wait for COMMIT, and removes
    /// the journal if it was drained and stored records need not be kept.
    void finish();

    [[nodiscard]] std::uint64_t bytes() const { return pushes_->bytes(); }
    [[nodiscard]] bool is_full() const noexcept { return pushes_->is_full(); }
    /// The number of senders that wait for COMMIT.
    [[nodiscard]] std::size_t commit_waiters() const { return pushes_->commit_waiters(); }
    /// Age of the oldest push that is not in the database; 0: none.
    [[nodiscard]] std::int64_t oldest_s() const;
    /// Records that neither the journal nor the database has.
    [[nodiscard]] std::vector<journal_gap> gaps() const { return feeder_->gaps(); }

    /// Of its three threads. Valid as long as this object.
    [[nodiscard]] std::vector<heartbeat const*> pulses() const {
        return {&pushes_->pulse(), &feeder_pulse_, &keeper_pulse_};
    }

  private:
    void run_feeder() noexcept;
    void run_keeper() noexcept;
    bool pause(std::chrono::nanoseconds time);

    intake_options options_;
    pipeline& lanes_;
    failure_report& failures_;
    ingest::journal_folder folder_;
    storage::stored_positions read_positions_;    ///< the feeder's
    storage::stored_positions written_positions_; ///< the keeper's
    heartbeat feeder_pulse_{"journal feeder"};
    heartbeat keeper_pulse_{"position keeper"};
    watched_position_store fed_positions_{read_positions_, feeder_pulse_};
    watched_position_store kept_positions_{written_positions_, keeper_pulse_};
    std::unique_ptr<ingest::journal_writer> writer_;
    std::unique_ptr<push_journal> pushes_;
    std::unique_ptr<position_keeper> position_keeper_;
    std::unique_ptr<journal_feeder> feeder_;
    std::mutex stop_mutex_; ///< guards stopping_
    std::condition_variable stop_;
    bool stopping_ = false;
    bool drained_ = false;
    std::unique_ptr<push_journal_thread> journal_thread_;
    std::thread feeder_thread_;
    std::thread keeper_thread_;
};

} // namespace tally::daemon
