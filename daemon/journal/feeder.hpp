#pragma once

#include "daemon/journal/push_journal.hpp"
#include "daemon/pipeline/failure_report.hpp"
#include "ingest/journal/folder.hpp"
#include "ingest/journal/reader.hpp"
#include "storage/lane/stream_positions.hpp"

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

namespace tally::daemon {

/// Reads the journal and pushes its records into the lanes, in order: first the streams that
/// earlier runs left, then the one of this run, as far as it is durable. The lanes' credit bounds
/// the memory in use, however far the journal is ahead. A record is stored once, however often it
/// is read: the lanes' positions and the records' keys see to that.
class journal_feeder {
  public:
    struct target {
        ingest::record_sink& lanes;
        /// Returns how far the lanes have stored a stream. Blocks until the database answers, or
        /// until the daemon stops.
        std::function<storage::stream_progress(std::string const& stream)> progress;
        /// Removes the positions of a stream; called after its files are removed.
        std::function<void(std::string const& stream)> forget;
        failure_report& failures;
        std::uint32_t lane_count = 1;
        bool skips_damage = false; ///< the operator accepts the loss
    };

    journal_feeder(target destination, ingest::journal_folder& folder,
                   ingest::journal_writer& writer, push_journal& pushes,
                   std::vector<ingest::journal_stream> earlier);
    ~journal_feeder();
    journal_feeder(journal_feeder const&) = delete;
    journal_feeder& operator=(journal_feeder const&) = delete;

    void start();
    /// Waits until all records of the journal are in the database, at most for `limit`. The journal
    /// must be closed before. True: they are, and the files of earlier runs are removed.
    bool drain(std::chrono::milliseconds limit);
    void stop() noexcept;

    /// When the oldest push of earlier runs that is not in the database was received,
    /// approximately; nullopt: none.
    [[nodiscard]] std::optional<ingest::time_us> oldest_of_earlier() const;
    /// All records of this run's stream below this number are in the database.
    [[nodiscard]] std::uint64_t stored_below() const;

    /// The name of a stream in ingest.positions, without the suffix for the number of lanes.
    static std::string stream_name(ingest::uuid const& stream);

  private:
    struct progress;

    void run() noexcept;
    void work();
    bool replay(ingest::journal_stream const& stream);
    void follow();
    bool read_on(ingest::journal_reader& reader, std::string const& stream);
    void check_begin(ingest::frame_view const& frame, std::string const& stream,
                     storage::stream_progress const& before) const;
    bool feed_all(ingest::journal_reader& reader, std::string const& stream,
                  storage::stream_progress const& before);
    bool feed(ingest::frame_view const& frame, std::string const& stream, bool is_own,
              bool may_be_stored);
    bool admit(std::size_t bytes);
    bool wait_stored();
    void read_failed(ingest::journal_reader const& reader);
    [[nodiscard]] bool stopping() const noexcept { return stopping_; }

    target target_;
    ingest::journal_folder& folder_;
    ingest::journal_writer& writer_;
    push_journal& pushes_;
    std::vector<ingest::journal_stream> earlier_;
    std::shared_ptr<progress> progress_;
    std::atomic<bool> stopping_{false};
    std::atomic<bool> draining_{false};
    std::atomic<bool> drained_{false};
    std::atomic<ingest::time_us> oldest_of_earlier_{0}; ///< 0: none
    std::thread thread_;
};

/// The damaged bytes and records, as a text for the operator.
std::string describe(ingest::journal_damage const& damage);

/// The first damage of each stream; empty when none is damaged. Reads the streams completely.
std::vector<ingest::journal_damage> find_damage(std::vector<ingest::journal_stream> const& streams);

} // namespace tally::daemon
