#pragma once

#include "ingest/journal/disk.hpp"
#include "ingest/journal/extent.hpp"
#include "ingest/journal/frame.hpp"

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace tally::ingest {

/// Version of the frames and payloads (pushed_body) that this binary writes. It reads this one and
/// all earlier ones.
inline constexpr std::uint32_t journal_version = 3;

/// The beginning of a segment; on disk 64 bytes, little-endian.
///
///     0  "TALLYJN1" (8) | stream (16) | segment number (8) | number of the first record (8)
///     40 1 when it follows a failure, else 0 (4) | version (4) | CRC-32C of all before (4)
///     52 zero (12)
///
/// The layout of the head is the same in all versions, so that an older binary recognizes a segment
/// that it cannot read.
struct segment_head {
    uuid stream;
    std::uint64_t number = 0;       ///< within the stream, from 0
    std::uint64_t first_record = 0; ///< number of its first record within the stream
    /// A write to the previous segment failed. That segment ends where it was last known to be on
    /// disk, and record numbers may be missing between the two.
    bool follows_failure = false;
    std::uint32_t version = journal_version; ///< 0: written before heads had a version

    [[nodiscard]] frame_location location() const noexcept { return {stream, number}; }
    friend bool operator==(segment_head const&, segment_head const&) = default;
};

inline constexpr std::size_t segment_head_bytes = 64;

std::string encode(segment_head const& head);
/// nullopt: not the head of a segment, or damaged.
std::optional<segment_head> decode_segment_head(std::string_view bytes) noexcept;

/// Creates the segment that says where a stream has ended: an empty one after all others, whose
/// first record would be the next one. It is all that is left of a stream that is removed. By it a
/// database that goes back is seen to lack records that no file has (docs/ARCHITECTURE.md, R3).
/// Returns 0 or errno.
int create_end(journal_disk& disk, std::filesystem::path const& folder, segment_head const& head);

/// Without those whose records are all below `record`; the last one always stays.
std::vector<segment_extent> segments_from(std::vector<segment_extent> segments,
                                          std::uint64_t record);
/// A segment is removed only when the position is at the beginning of the next one, or after it. So
/// when the first one that is left begins after the position `record`, the records from there to
/// its beginning, which is returned, are in no file. The first segment of all may begin later than
/// at 0: what is missing before it was never written. nullopt: none are missing.
std::optional<std::uint64_t> gap_end(std::vector<segment_extent> const& segments,
                                     std::uint64_t record) noexcept;

/// "<stream>-<number, 12 digits>.journal", so that the files of a stream sort in their order.
std::string segment_file_name(uuid const& stream, std::uint64_t number);
std::optional<frame_location> parse_segment_file_name(std::string_view name) noexcept;

/// A segment's file, read in pieces: the requested bytes and some read-ahead are in memory.
class segment_input {
  public:
    segment_input(journal_disk& disk, std::filesystem::path const& file);

    /// 0, or errno of opening or reading.
    [[nodiscard]] int error() const noexcept { return error_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return source_ ? source_->bytes() : 0; }
    /// `length` bytes from `offset`; fewer at the end of the file or after an error. Valid until
    /// the next call.
    std::string_view view(std::uint64_t offset, std::size_t length);
    /// Drops the buffer: the file may have grown.
    void forget() noexcept { buffer_.clear(); }

  private:
    int error_ = 0;
    std::unique_ptr<segment_source> source_;
    std::string buffer_;
    std::uint64_t buffer_begin_ = 0; ///< offset of its first byte
};

} // namespace tally::ingest
