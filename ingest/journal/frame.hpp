#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace tally::ingest {

enum class frame_type : std::uint16_t {
    records = 1, ///< a push; the caller defines the payload
    mark = 2,    ///< no records: only how much of the segment is on disk
};

/// The fixed part of a frame; on disk 40 bytes, little-endian, followed by the payload and zeros up
/// to a multiple of eight bytes.
///
///     0  payload bytes (4) | CRC-32C (4) | number of the first record (8)
///     16 records (4) | type (2) | zero (2) | durable bytes (8) | received, us since 1970 (8)
///
/// The CRC covers the stream's id, the segment's number, the payload's length, the head after the
/// CRC, and the payload. So a frame in another file, or one that was copied into another segment,
/// is not accepted.
struct frame_head {
    std::uint32_t payload_bytes = 0;
    std::uint32_t crc = 0;
    std::uint64_t first_record = 0;
    std::uint32_t records = 0;
    frame_type type = frame_type::records;
    /// Bytes of this segment that were known to be on disk when the frame was written. Bytes before
    /// that offset that are not whole are damaged. Bytes after the last such offset may be a write
    /// that was cut short.
    std::uint64_t durable_bytes = 0;
    time_us received = 0;
};

inline constexpr std::size_t frame_head_bytes = 40;
inline constexpr std::size_t frame_alignment = 8;

/// Size of a frame on disk.
constexpr std::size_t frame_bytes(std::size_t payload_bytes) noexcept {
    return (frame_head_bytes + payload_bytes + frame_alignment - 1) / frame_alignment *
           frame_alignment;
}

/// The stream and segment that a frame belongs to; its CRC covers both.
struct frame_location {
    uuid stream;
    std::uint64_t segment = 0;
};

/// Appends a frame to `out`; its `payload_bytes` and `crc` are filled in.
void append_frame(std::string& out, frame_head head, std::string_view payload,
                  frame_location const& location);

enum class frame_state : std::uint8_t {
    whole,   ///< a frame, exactly as it was written
    none,    ///< zeros: nothing was written here
    partial, ///< may be a frame, but `bytes` ends before it does
    broken,  ///< not a frame
};

struct frame_view {
    frame_state state = frame_state::none;
    frame_head head;
    std::string_view payload;
    std::size_t bytes = 0; ///< size on disk; of a partial one the size that is needed
};

/// The frame at the front of `bytes`. The bytes are not trusted: any content is safe.
frame_view read_frame(std::string_view bytes, frame_location const& location) noexcept;

} // namespace tally::ingest
