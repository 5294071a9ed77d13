#pragma once

#include "daemon/cli/stop_on_signal.hpp"
#include "daemon/pipeline/position_keeper.hpp"
#include "ingest/file/reader.hpp"
#include "ingest/record/record_sink.hpp"

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace tally::daemon {

/// The outcome of a file's records.
///
///     received = resumed + accepted + rejected + skipped
///     accepted = committed + duplicate + suspended
struct import_counts {
    std::uint64_t received = 0;
    std::uint64_t resumed = 0;  ///< stored by an earlier run that was interrupted
    std::uint64_t skipped = 0;  ///< excluded by the source's settings (b-legs)
    std::uint64_t rejected = 0; ///< unreadable, written to the rejects file
    std::uint64_t accepted = 0;
    std::uint64_t committed = 0;
    std::uint64_t duplicate = 0;
    std::uint64_t suspended =
        0; ///< in ingest.suspense; without a rejects file unreadable ones, too

    friend bool operator==(import_counts const&, import_counts const&) = default;
};

/// How reading a file ended.
enum class import_end : std::uint8_t {
    done,        ///< every record is durable
    file_failed, ///< the file could not be read to its end; what was read is durable
    stopped,     ///< on request; what was committed is durable, and a new run continues from there
    given_up,    ///< the sink closed, or dropped blocks before they were durable
};

struct import_result {
    import_end end = import_end::done;
    ingest::file_error error; ///< of file_failed
    import_counts counts;
};

/// One file to import.
struct import_task {
    std::shared_ptr<ingest::source const> source;
    ingest::format const* in_format = nullptr;
    std::uint64_t resume_from = 0;       ///< all records before this one are stored
    std::shared_ptr<kept_position> kept; ///< its position; nullptr: not resumable
    /// Decides who pays for a block's calls, for good. False: gave up waiting for the database.
    std::function<bool(std::unique_ptr<ingest::record_block> const&)> decide;
    /// Waits while there is no credit, or for the last blocks. Empty: the thread sleeps.
    std::function<void(std::chrono::milliseconds)> pause{};
    /// Whether the database lacks what it had stored of the file; may be empty.
    std::function<bool()> has_lost{};
    bool suspend_rejected = true; ///< unreadable records go to ingest.suspense
    /// How long to wait for blocks under way after a stop request.
    std::chrono::milliseconds stop_limit{10'000};
};

/// An unreadable record and its position in the file. Valid during the call only.
struct import_reject {
    std::uint64_t record = 0; ///< 0-based, of the file
    std::uint64_t line = 0;   ///< 1-based; 0: unknown
    std::uint64_t offset = 0; ///< in the decompressed file; of the record, or of its piece
    ingest::rejected_record const& item;
};

/// Callbacks of a job. All are called on the thread that runs it.
struct import_hooks {
    std::function<void(import_reject const&)> on_reject;
    /// Called several times per second; `waiting`: the job waits for credit or for outcomes.
    std::function<void(import_counts const&, bool waiting)> on_progress;
    std::function<stop_request()> stop;
};

/// Reads one file into a sink: reader → decoder → blocks, with as many under way as the sink's
/// credit allows. run() returns when all of them are durable. One thread; the sink's threads only
/// report outcomes.
class import_job {
  public:
    import_job(import_task task, ingest::record_sink& sink, import_hooks hooks);

    import_result run(ingest::file_reader& reader);

  private:
    /// Counts the outcomes. Shared with the blocks under way, which may outlive a stopped job.
    struct block_tracker;

    /// A piece of the file as a block, and its position in the file.
    struct decoded_piece {
        std::unique_ptr<ingest::record_block> block;
        std::uint64_t offset = 0;
        std::uint64_t first_line = 1;
    };

    decoded_piece decode(ingest::file_piece piece);
    void report_rejects(decoded_piece const& piece) const;
    [[nodiscard]] bool is_stored(ingest::record_block const& block, std::uint32_t index) const;
    void drop_stored(ingest::record_block& block) const;
    bool hand_over(decoded_piece piece);
    void count(ingest::record_block const& block, import_counts& counts) const;
    bool push(std::unique_ptr<ingest::record_block> block, std::size_t bytes);
    bool admit(std::size_t bytes);
    void pause(std::chrono::milliseconds time) const;
    bool wait_for_outcomes();
    void show(bool waiting) const;
    bool stopping();
    [[nodiscard]] import_counts counts() const;
    [[nodiscard]] import_end how_ended(ingest::file_error const& error, bool all_durable) const;

    import_task task_;
    ingest::record_sink& sink_;
    import_hooks hooks_;
    std::shared_ptr<block_tracker> sheet_;
    import_counts counts_;           ///< without the outcomes, which are in sheet_
    std::size_t calls_expected_ = 0; ///< in the next piece, estimated from the last one
    bool read_to_end_ = false;
    bool sink_closed_ = false;
    stop_request stop_ = stop_request::none;
};

} // namespace tally::daemon
