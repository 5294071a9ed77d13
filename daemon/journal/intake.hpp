#pragma once

#include "daemon/journal/feeder.hpp"
#include "daemon/journal/push_journal.hpp"
#include "ingest/journal/folder.hpp"

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
    std::uint32_t lanes = 1;
    bool skip_damage = false; ///< start without the records that a damaged journal has lost
    std::string connection_string;
};

/// The journal of pushes and the feeder that reads it for the lanes. Responsible for a push from
/// its acknowledgement to its COMMIT, even when the database is unavailable or the daemon is killed
/// in between.
///
///     sessions → sink() → journal → feeder → lanes
class intake {
  public:
    /// Locks the journal's folder and reads what earlier runs left in it. Throws std::runtime_error
    /// whose text says what is wrong and what to do: in use, not writable, damaged.
    intake(intake_options options, ingest::record_sink& lanes, failure_report& failures,
           std::function<void(journal_report const&)> report);
    ~intake();
    intake(intake const&) = delete;
    intake& operator=(intake const&) = delete;

    [[nodiscard]] ingest::record_sink& sink() noexcept { return *pushes_; }
    /// Starts to take pushes; call it once the sources are known, by which pushes are authorized.
    void open() noexcept { pushes_->open(); }
    void start();

    /// Refuses pushes from now on. All that were taken are on disk when it returns.
    void close() { pushes_->close(); }
    /// After close(): waits up to `limit`. True when all records of the journal are in the
    /// database.
    bool drain(std::chrono::milliseconds limit);
    /// Ends the feeder. Call it before the lanes are destroyed.
    void stop() noexcept;
    /// After the lanes are destroyed: answers the senders that still wait for COMMIT, and removes
    /// the journal if it was drained.
    void finish();

    [[nodiscard]] std::uint64_t bytes() const { return pushes_->bytes(); }
    [[nodiscard]] bool is_full() const noexcept { return pushes_->is_full(); }
    /// The number of senders that wait for COMMIT.
    [[nodiscard]] std::size_t commit_waiters() const { return pushes_->commit_waiters(); }
    /// Age of the oldest push that is not in the database; 0: none.
    [[nodiscard]] std::int64_t oldest_s() const;

  private:
    [[nodiscard]] storage::stream_progress progress(std::string const& stream);
    void forget(std::string const& stream);

    intake_options options_;
    ingest::journal_folder folder_;
    std::unique_ptr<ingest::journal_writer> writer_;
    std::unique_ptr<push_journal> pushes_;
    std::unique_ptr<journal_feeder> feeder_;
    std::atomic<bool> stopping_{false};
    bool drained_ = false;
};

} // namespace tally::daemon
