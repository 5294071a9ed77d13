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

/// The result of one flush: of the records that were appended before it, [begin, durable_end) are
/// durable; [durable_end, end) are not, and are not written again.
struct journal_flush {
    std::uint64_t begin = 0;
    std::uint64_t durable_end = 0;
    std::uint64_t end = 0;
    std::uint64_t bytes = 0; ///< written
    int error = 0;           ///< errno, when durable_end < end
};

/// Writes one stream of the journal. A stream is what one run of the daemon appends. It begins
/// empty, and no other run writes to it, so that a record number is never used twice.
///
/// Any thread appends; one thread flushes. All frames that were appended meanwhile go to disk with
/// one fdatasync (group commit).
///
///     append ─┐
///     append ─┼→ pending ──flush──→ current segment ─→ fdatasync ─→ mark
///     append ─┘                     (the next one when it is full, or when writing failed)
///
/// After a failed write or fdatasync the segment is left as it is and never written again: it can
/// no longer be known what of the group is on disk (docs/ARCHITECTURE.md, R1).
///
///     journal_writer writer{{.folder = folder, .stream = uuid_v7()}, real_disk()};
///     std::uint64_t const first = writer.append(payload, records, now_us()); // any thread
///     journal_flush const flush = writer.flush();                            // one thread
///     if (first + records <= flush.durable_end) {
///         acknowledge(); // the records [first, first + records) survive a loss of power
///     }
///     writer.release(stored_below); // once PostgreSQL has all records below that number
class journal_writer {
  public:
    struct options {
        std::filesystem::path folder; ///< exists
        uuid stream;
        std::uint64_t segment_bytes = std::uint64_t{64} << 20;
    };

    journal_writer(options chosen, journal_disk& disk);
    ~journal_writer();
    journal_writer(journal_writer const&) = delete;
    journal_writer& operator=(journal_writer const&) = delete;

    /// Appends a frame of `records` records (at least one) and returns the number of its first one.
    /// Copies the bytes. Any thread.
    std::uint64_t append(std::string_view payload, std::uint32_t records, time_us received);
    /// Bytes of frames that are not on disk yet. Any thread.
    [[nodiscard]] std::uint64_t pending_bytes() const;

    [[nodiscard]] uuid const& stream() const noexcept { return options_.stream; }
    /// One more than the number of the last record that can be read; never decreases. Any thread.
    [[nodiscard]] std::uint64_t readable_end() const;
    /// Removes every segment, and leaves one that says where the stream ended, as
    /// journal_folder::remove() does; nothing may be appended afterwards. Called once. Returns
    /// EBUSY, and removes nothing, unless all records that can be read are below `stored_below`.
    /// Called by the flushing thread, or after it has ended. Returns 0 or errno.
    int remove_all(std::uint64_t stored_below);

    /// Bytes allocated for its segments. Any thread.
    [[nodiscard]] std::uint64_t disk_bytes() const;

    /// Writes everything that was appended, with one fdatasync per segment. One thread at a time.
    journal_flush flush();

    /// The segments and bytes that can be read now, in order; nothing of them is missing or torn.
    /// Any thread.
    [[nodiscard]] std::vector<segment_extent> extents() const;
    /// Removes the segments whose records are all below `record` (docs/ARCHITECTURE.md, R5), but
    /// never the one that is being written. Called by the flushing thread. Returns errno of the
    /// first file that could not be removed; the next call tries it again.
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

    int add_to_group(pending_frame const& frame, std::string_view payload);
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

    // Used by the flushing thread only.
    pending_frames taken_;
    std::unique_ptr<segment_output> output_;
    frame_location location_;
    std::uint64_t next_segment_ = 0;
    std::uint64_t segment_bytes_ = 0; ///< of the current segment
    std::uint64_t written_bytes_ = 0; ///< of it
    std::uint64_t durable_bytes_ = 0; ///< of it
    std::string group_;               ///< frames to be written at written_bytes_
    std::uint64_t flushed_record_ = 0;
    std::uint64_t durable_record_ = 0; ///< of the current flush
    bool failed_ = false;              ///< writing the previous segment failed
};

} // namespace tally::ingest
