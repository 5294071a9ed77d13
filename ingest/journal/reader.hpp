#pragma once

#include "ingest/journal/disk.hpp"
#include "ingest/journal/extent.hpp"
#include "ingest/journal/frame.hpp"
#include "ingest/journal/segment.hpp"

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tally::ingest {

/// Bytes of a segment that were on disk once and are no longer what was written.
struct journal_damage {
    std::filesystem::path file;
    std::uint64_t begin = 0;        ///< offset
    std::uint64_t end = 0;          ///< exclusive: the first whole frame after it, or the end
    std::uint64_t first_record = 0; ///< the records that are missing: [first_record, next_record)
    std::uint64_t next_record = 0;  ///< if it is known; at least first_record
    std::string detail;
};

/// Bytes at the end of a stream that were never acknowledged: a write that was cut short.
struct journal_tail {
    std::filesystem::path file;
    std::uint64_t begin = 0;
    std::uint64_t bytes = 0;
};

/// Reads the frames of one stream in order. One thread.
///
/// Of a stream whose writer is gone, the reader finds the end by itself. Bytes that are not whole,
/// and that no later frame knew to be on disk (frame_head::durable_bytes), are a torn tail and are
/// left out. All other bytes that are not whole are damage; reading stops there. The last segment
/// may be the end of a stream (create_end()), without a frame.
///
///     journal_reader reader{stream.id, stream.segments}; // of journal_folder::streams()
///     frame_view frame;
///     journal_reader::status status{};
///     while ((status = reader.next(frame)) == journal_reader::status::frame) {
///         replay(frame.head.first_record, frame.payload);
///     }
///     if (status == journal_reader::status::damaged) {
///         report(*reader.damage()); // then skip_damage() to continue, or stop
///     }
class journal_reader {
  public:
    enum class status : std::uint8_t {
        frame,   ///< a frame of records; marks are passed over
        end,     ///< nothing more for now
        damaged, ///< see damage(); skip_damage() continues after it
        failed,  ///< a read failed: error() is errno; a retry may succeed
    };

    journal_reader(uuid stream, std::vector<segment_extent> segments,
                   journal_disk& disk = real_disk());
    ~journal_reader();

    /// Gives the reader the writer's current extents, so that it can read further. The segment that
    /// is being read may be missing from them (journal_writer::release removes stored segments at
    /// any time): reading then continues at the first one given, and a record that was not read yet
    /// is reported missing there, as damage.
    void extend(std::vector<segment_extent> segments);

    /// `out` is valid until the next call.
    status next(frame_view& out);
    /// Number of the first record of the next frame.
    [[nodiscard]] std::uint64_t next_record() const noexcept { return next_record_; }

    [[nodiscard]] std::optional<journal_damage> const& damage() const noexcept { return damage_; }
    void skip_damage();
    [[nodiscard]] int error() const noexcept { return error_; }
    /// The torn tail of the segments read so far, if there is one.
    [[nodiscard]] std::optional<journal_tail> const& tail() const noexcept { return tail_; }

  private:
    enum class step : std::uint8_t { frame, mark, segment_end, stop, damaged, failed };

    step read_step(frame_view& out);
    step open_segment();
    step read_failed();
    step at_no_frame(frame_view const& found);
    step torn_or_damaged();
    bool go_to_next_segment();
    step damaged_to(std::uint64_t end, std::uint64_t next_record, std::string detail);
    std::optional<std::uint64_t> find_proof(std::uint64_t& next_record);

    [[nodiscard]] segment_extent const& current() const noexcept { return segments_[index_]; }
    [[nodiscard]] bool is_last() const noexcept { return index_ + 1 == segments_.size(); }
    [[nodiscard]] bool knows_end() const noexcept {
        return current().durable_bytes != segment_extent::unknown;
    }
    [[nodiscard]] std::uint64_t readable_bytes() const noexcept;
    [[nodiscard]] frame_location location() const noexcept { return {stream_, current().number}; }

    uuid stream_;
    std::vector<segment_extent> segments_;
    journal_disk& disk_;
    std::size_t index_ = 0; ///< index of the current segment
    std::unique_ptr<segment_input> input_;
    std::uint64_t offset_ = 0;
    std::uint64_t next_record_ = 0;
    bool knows_next_record_ = false; ///< false at the beginning and after damage
    std::optional<journal_damage> damage_;
    std::optional<journal_tail> tail_;
    int error_ = 0;
};

} // namespace tally::ingest
