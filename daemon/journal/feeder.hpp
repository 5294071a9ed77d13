#pragma once

#include "daemon/journal/push_journal.hpp"
#include "daemon/pipeline/payer_decisions.hpp"
#include "daemon/pipeline/position_keeper.hpp"
#include "daemon/threads/failure_report.hpp"
#include "ingest/journal/folder.hpp"
#include "ingest/journal/reader.hpp"
#include "storage/lane/position_store.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace tally::daemon {

/// Records of a stream that neither the journal nor the database has.
struct journal_gap {
    std::string stream; ///< its name in ingest.positions
    std::uint64_t first_record = 0;
    std::uint64_t end_record = 0;
};

/// Reads the journal and pushes its records into the lanes, in order: first the streams that
/// earlier runs left, then the one of this run, as far as it is durable. Every stream begins at its
/// position in the database; a record that is read again has the same key as before, so it is
/// stored once however often it is read (docs/ARCHITECTURE.md, R6). The lanes' credit bounds the
/// memory in use, however far the journal is ahead.
///
///     open:  positions ──→ feed: read → decide payers → push      (each stream in turn)
///       ↑                                   │
///       └────── the database went back ─────┘
///
/// Stepped by one thread; the const functions are for any thread.
class journal_feeder {
  public:
    using clock = std::chrono::steady_clock;

    struct target {
        ingest::record_sink& lanes;
        storage::position_store& positions; ///< used by the feeder's thread only
        position_keeper& keeper;
        failure_report& failures;
        payer_decisions::catalog_source catalog;
        last_commit& decisions; ///< pipeline::decisions()
        /// Forgets the lanes' last batches: the database may not have them.
        std::function<void()> forget_batches;
        std::chrono::seconds retain{0}; ///< how long a stored stream is kept
        std::uint64_t retain_bytes = 0; ///< how much of stored streams is kept
        std::size_t removed_max = 100;  ///< of how many removed streams the ends are kept
        bool skips_damage = false;      ///< the operator accepts the loss
    };

    journal_feeder(target destination, ingest::journal_folder& folder,
                   ingest::journal_writer& writer, push_journal& pushes,
                   std::vector<ingest::journal_stream> earlier);
    ~journal_feeder();
    journal_feeder(journal_feeder const&) = delete;
    journal_feeder& operator=(journal_feeder const&) = delete;

    /// What step() found.
    struct step_result {
        clock::duration wait{};  ///< how long nothing will be due; zero: more is due
        bool for_pushes = false; ///< the wait may end earlier, with the next durable push
        bool is_stuck = false;   ///< the journal's files could not be read
    };

    /// Does what can be done now.
    step_result step(clock::time_point now);
    /// One past the last record of this run's stream that was read.
    [[nodiscard]] std::uint64_t next_record() const noexcept { return own_next_; }
    /// No push will come: the journal is closed. From now on is_drained() may become true.
    void drain() noexcept { is_draining_ = true; }
    /// All records of the journal are in the database, and its positions say so.
    [[nodiscard]] bool is_drained() const noexcept { return is_drained_; }

    /// When the oldest push of earlier runs that is not in the database was received,
    /// approximately; nullopt: none.
    [[nodiscard]] std::optional<ingest::time_us> oldest_of_earlier() const;
    /// All records of this run's stream below this number are in the database.
    [[nodiscard]] std::uint64_t committed() const noexcept { return own_committed_; }
    /// Records that are in neither the journal nor the database; empty: none are missing.
    [[nodiscard]] std::vector<journal_gap> gaps() const;

    /// How far each stream has come, as a text. The feeder's thread only.
    [[nodiscard]] std::string describe() const;

    /// The name of a stream in ingest.positions.
    static std::string stream_name(ingest::uuid const& stream);

  private:
    struct fed_stream;

    step_result open();
    step_result open_stream(fed_stream& stream);
    step_result feed(fed_stream& stream);
    step_result push_read(fed_stream& stream);
    static void pass(fed_stream& stream, std::uint64_t record);
    step_result read(fed_stream& stream);
    void take(fed_stream& stream, ingest::frame_view const& frame);
    void note_earlier();
    void begin_at(fed_stream& stream, std::vector<ingest::segment_extent> const& segments);
    void look_for_gap(fed_stream& stream, std::vector<ingest::segment_extent> const& segments);
    step_result at_end(fed_stream& stream, std::uint64_t durable_end);
    step_result damaged(fed_stream& stream);
    void retire(clock::time_point now);
    void note_end(fed_stream& stream);
    void mark_end(fed_stream& stream);
    bool remove(fed_stream& stream, clock::time_point now);
    void write_ends(clock::time_point now);
    void forget_oldest();
    void begin_again();
    void note_progress();
    void close_settled_gaps();

    target target_;
    ingest::journal_folder& folder_;
    ingest::journal_writer& writer_;
    push_journal& pushes_;
    std::vector<std::unique_ptr<fed_stream>> streams_; ///< in order; the own one last
    bool is_open_ = false;                             ///< positions are known, streams are read
    std::vector<std::unique_ptr<ingest::record_block>> read_; ///< of one stream
    std::size_t pushed_ = 0;                                  ///< of read_, from the front
    bool is_decided_ = true; ///< the payers of all blocks in read_ are decided and kept

    std::atomic<bool> is_draining_{false};
    std::atomic<bool> is_drained_{false};
    std::atomic<std::uint64_t> own_committed_{0};
    std::atomic<std::uint64_t> own_next_{0};
    std::atomic<ingest::time_us> oldest_of_earlier_{0}; ///< 0: none
    mutable std::mutex mutex_;                          ///< guards gaps_
    std::vector<journal_gap> gaps_;
};

/// The damaged bytes and records, as a text for the operator.
std::string describe(ingest::journal_damage const& damage);

} // namespace tally::daemon
