#pragma once

#include "daemon/journal/journal_feeder.hpp"
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
    bool skip_damage = false; ///< go on without what a damaged journal has lost
    std::string connection_string;
};

/// The journal of pushes and what brings it to the lanes: from the moment a push is acknowledged,
/// through a database that is away and a daemon that is killed, to its COMMIT.
///
///     sessions → sink() → journal → feeder → lanes
class intake {
  public:
    /// Takes the journal's folder and looks at what earlier runs left in it. Throws
    /// std::runtime_error that says what is wrong and what to do: in use, not writable, damaged.
    intake(intake_options how, ingest::record_sink& lanes, failure_report& failures,
           std::function<void(journal_report const&)> report);
    ~intake();
    intake(intake const&) = delete;
    intake& operator=(intake const&) = delete;

    [[nodiscard]] ingest::record_sink& sink() noexcept { return *pushes_; }
    /// From now on pushes are taken: it is known who may.
    void open() noexcept { pushes_->open(); }
    void start();

    /// No more pushes; what was taken is on disk.
    void close() { pushes_->close(); }
    /// After close(): true when all of it is in the database and the journal is empty.
    bool drain(std::chrono::milliseconds limit);
    /// Ends the feeder. Before the lanes go.
    void stop() noexcept;
    /// After the lanes have gone: whoever still waits for COMMIT is told, and an empty journal is
    /// removed.
    void finish();

    [[nodiscard]] std::uint64_t bytes() const { return pushes_->bytes(); }
    [[nodiscard]] bool is_full() const noexcept { return pushes_->is_full(); }
    /// Senders that wait for COMMIT.
    [[nodiscard]] std::size_t commit_waiters() const { return pushes_->commit_waiters(); }
    /// Age of the oldest push that is not in the database; 0: none.
    [[nodiscard]] std::int64_t oldest_s() const;

  private:
    [[nodiscard]] storage::stream_progress progress(std::string const& stream);
    void forget(std::string const& stream);

    intake_options how_;
    ingest::journal_folder folder_;
    std::unique_ptr<ingest::journal_writer> writer_;
    std::unique_ptr<push_journal> pushes_;
    std::unique_ptr<journal_feeder> feeder_;
    std::atomic<bool> stopping_{false};
    bool drained_ = false;
};

} // namespace tally::daemon
