#pragma once

#include "ingest/journal/disk.hpp"
#include "ingest/journal/extent.hpp"
#include "ingest/journal/frame.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace tally::ingest {

/// What one flush did with the records that were appended before it: those of [begin, durable_end)
/// are on disk for good, those of [durable_end, end) are not, and are not written again.
struct journal_flush {
    std::uint64_t begin = 0;
    std::uint64_t durable_end = 0;
    std::uint64_t end = 0;
    std::uint64_t bytes = 0; ///< written
    int error = 0;           ///< errno, when durable_end < end
};

/// Writes one stream of the journal. A stream is what one run of the daemon appends: it begins
/// empty and is never written again by another run, so that numbers of records are never used
/// twice.
///
/// Any thread appends; one thread flushes: everything that was appended meanwhile goes to disk with
/// one fdatasync (group commit).
///
///     append ─┐
///     append ─┼→ pending ──flush──→ current segment ─→ fdatasync ─→ mark
///     append ─┘                     (the next one when it is full, or when writing failed)
///
/// After a failed write or fdatasync the segment is left as it is and never written again: what of
/// the group is on disk cannot be known any more (docs/ARCHITECTURE.md, R1).
class journal_writer {
  public:
    struct options {
        std::filesystem::path folder; ///< is there
        uuid stream;
        std::uint64_t segment_bytes = std::uint64_t{64} << 20;
    };

    journal_writer(options chosen, journal_disk& disk);
    ~journal_writer();
    journal_writer(journal_writer const&) = delete;
    journal_writer& operator=(journal_writer const&) = delete;

    /// Takes a frame of `records` records (at least one) in; gives the number of its first one.
    /// Any thread; the bytes are copied.
    std::uint64_t append(std::string_view payload, std::uint32_t records, time_us received);
    /// Bytes of frames that are not on disk yet. Any thread.
    [[nodiscard]] std::uint64_t pending_bytes() const;

    [[nodiscard]] uuid const& stream() const noexcept { return options_.stream; }
    /// Number of the record behind the last one that can be read; never falls. Any thread.
    [[nodiscard]] std::uint64_t readable_end() const;
    /// Removes every segment, for good: nothing is appended again. Refused with EBUSY, and nothing
    /// is removed, unless all records that can be read are below `stored_below`. The thread that
    /// flushes, or after it. 0 or errno.
    int remove_all(std::uint64_t stored_below);

    /// Bytes of its segments, as they are allocated. Any thread.
    [[nodiscard]] std::uint64_t disk_bytes() const;

    /// One thread at a time.
    journal_flush flush();

    /// What can be read now, in order; nothing of it is missing or torn. Any thread.
    [[nodiscard]] std::vector<segment_extent> extents() const;
    /// Removes segments all of whose records are below `record` (docs/ARCHITECTURE.md, R5), but
    /// never the one that is written. The thread that flushes. Gives errno of the first that could
    /// not be removed; it is tried again the next time.
    int release(std::uint64_t record);

  private:
    struct pending_frame {
        frame_head head;
        std::size_t payload_bytes = 0;
    };
    struct pending_frames {
        std::vector<pending_frame> frames;
        std::string payloads;

        void clear() noexcept {
            frames.clear();
            payloads.clear();
        }
    };

    int place(pending_frame const& frame, std::string_view payload);
    int open_segment(std::uint64_t first_record, std::size_t frame_on_disk_bytes);
    int write_out(std::uint64_t durable_end);
    void abandon();
    void publish();

    options options_;
    journal_disk& disk_;

    mutable std::mutex mutex_; ///< guards the next six
    pending_frames pending_;
    std::uint64_t pending_bytes_ = 0;
    std::uint64_t next_record_ = 0;
    std::uint64_t readable_end_ = 0;
    std::deque<segment_extent> extents_;
    std::deque<std::uint64_t> extent_bytes_; ///< as allocated

    // Of the flushing thread.
    pending_frames taken_;
    std::unique_ptr<segment_output> output_;
    frame_place place_;
    std::uint64_t next_segment_ = 0;
    std::uint64_t segment_bytes_ = 0; ///< of the current segment
    std::uint64_t written_bytes_ = 0; ///< of it
    std::uint64_t durable_bytes_ = 0; ///< of it
    std::string group_;               ///< frames to be written at written_bytes_
    std::uint64_t flushed_record_ = 0;
    std::uint64_t durable_record_ = 0; ///< of the flush that is going on
    bool failed_ = false;              ///< the segment before
};

} // namespace tally::ingest
