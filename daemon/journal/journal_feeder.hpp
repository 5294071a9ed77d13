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

/// Brings what the journal holds to the lanes, in order: first the streams that earlier runs left,
/// then the own one, as far as it is durable. The lanes' credit bounds what is in memory, however
/// far the journal is ahead; a record is stored once, however often it is read (positions and
/// keys).
class journal_feeder {
  public:
    struct target {
        ingest::record_sink& lanes;
        /// How far lanes have come with a stream; asked until it is known, or `stopping`.
        std::function<storage::stream_progress(std::string const& stream)> progress;
        /// The files of a stream are gone: its positions may go.
        std::function<void(std::string const& stream)> forget;
        failure_report& failures;
        std::uint32_t lane_count = 1;
        bool skips_damage = false; ///< somebody has said so
    };

    journal_feeder(target to, ingest::journal_folder& folder, ingest::journal_writer& writer,
                   push_journal& pushes, std::vector<ingest::journal_stream> earlier);
    ~journal_feeder();
    journal_feeder(journal_feeder const&) = delete;
    journal_feeder& operator=(journal_feeder const&) = delete;

    void start();
    /// Waits until all that is in the journal is in the database, or `limit` is over; the journal
    /// takes nothing more since before. True: it is, and the files of earlier runs are gone.
    bool drain(std::chrono::milliseconds limit);
    void stop() noexcept;

    /// When the oldest push of an earlier run that is not in the database was received, roughly;
    /// nullopt: none.
    [[nodiscard]] std::optional<ingest::time_us> oldest_of_earlier() const;
    /// Number of the record of the own stream below which all are in the database.
    [[nodiscard]] std::uint64_t stored_below() const;

    /// Its name in ingest.positions, but for the number of lanes.
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

    target to_;
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

/// The bytes and records that are damaged, in words.
std::string describe(ingest::journal_damage const& damage);

/// What is wrong with the streams that earlier runs left: the first damage of each. Reads them
/// whole.
std::vector<ingest::journal_damage> find_damage(std::vector<ingest::journal_stream> const& streams);

} // namespace tally::daemon
