#pragma once

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

/// Of the frames and payloads (pushed_body) that this binary writes. It reads those of all versions
/// up to it.
inline constexpr std::uint32_t journal_version = 2;

/// The beginning of a segment; on disk 64 bytes, little-endian.
///
///     0  "TALLYJN1" (8) | stream (16) | segment number (8) | number of the first record (8)
///     40 1 when it follows a failure, else 0 (4) | version (4) | CRC-32C of all before (4) | zero
///     (12)
///
/// The head itself is the same in all versions, so that an older binary sees what is not for it.
struct segment_head {
    uuid stream;
    std::uint64_t number = 0;       ///< within the stream, from 0
    std::uint64_t first_record = 0; ///< of the stream, that its first frame begins with
    /// Writing the segment before failed: it ends where it was last known to be on disk, and
    /// numbers of records may be missing between the two.
    bool follows_failure = false;
    std::uint32_t version = journal_version; ///< 0: written before heads told it

    [[nodiscard]] frame_place place() const noexcept { return {stream, number}; }
    friend bool operator==(segment_head const&, segment_head const&) = default;
};

inline constexpr std::size_t segment_head_bytes = 64;

std::string encode(segment_head const& head);
/// nullopt: no head of a segment, or damaged.
std::optional<segment_head> decode_segment_head(std::string_view bytes) noexcept;

/// "<stream>-<number, 12 digits>.journal": files of a stream sort in their order.
std::string segment_file_name(uuid const& stream, std::uint64_t number);
std::optional<frame_place> parse_segment_file_name(std::string_view name) noexcept;

/// A segment's file, read in pieces: at most `view`'s bytes and some read-ahead are in memory.
class segment_input {
  public:
    explicit segment_input(std::filesystem::path const& file);
    ~segment_input();
    segment_input(segment_input&&) = delete;

    /// 0, or errno of opening or reading.
    [[nodiscard]] int error() const noexcept { return error_; }
    [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }
    /// `length` bytes from `offset` on, fewer at the end of the file or after an error. Valid until
    /// the next call.
    std::string_view view(std::uint64_t offset, std::size_t length);
    /// What the file holds now may be more than before.
    void forget() noexcept { buffer_.clear(); }

  private:
    int descriptor_ = -1;
    int error_ = 0;
    std::uint64_t bytes_ = 0;
    std::string buffer_;
    std::uint64_t buffer_begin_ = 0; ///< offset of its first byte
};

} // namespace tally::ingest
