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
    records = 1, ///< a push: its payload is the caller's
    mark = 2,    ///< nothing but how far the segment is on disk
};

/// The fixed part of a frame; on disk 40 bytes, little-endian, followed by the payload and zeros up
/// to a multiple of eight bytes.
///
///     0  payload bytes (4) | CRC-32C (4) | number of the first record (8)
///     16 records (4) | type (2) | zero (2) | durable bytes (8) | received, us since 1970 (8)
///
/// The CRC covers the stream's id, the segment's number, the head behind the CRC, and the payload:
/// a frame that lies in another file, or elsewhere in its own after a copy, is not taken.
struct frame_head {
    std::uint32_t payload_bytes = 0;
    std::uint32_t crc = 0;
    std::uint64_t first_record = 0;
    std::uint32_t records = 0;
    frame_type type = frame_type::records;
    /// Bytes of this segment that were known to be on disk when the frame was written. Damage
    /// before that is damage; behind the last such point it may be a write that was cut short.
    std::uint64_t durable_bytes = 0;
    time_us received = 0;
};

inline constexpr std::size_t frame_head_bytes = 40;
inline constexpr std::size_t frame_alignment = 8;

/// What a frame takes on disk.
constexpr std::size_t frame_bytes(std::size_t payload_bytes) noexcept {
    return (frame_head_bytes + payload_bytes + frame_alignment - 1) / frame_alignment *
           frame_alignment;
}

/// Where a frame belongs; part of what its CRC covers.
struct frame_place {
    uuid stream;
    std::uint64_t segment = 0;
};

/// Appends a frame to `out`; its `payload_bytes` and `crc` are filled in.
void append_frame(std::string& out, frame_head head, std::string_view payload,
                  frame_place const& place);

enum class frame_state : std::uint8_t {
    whole,   ///< a frame that is as it was written
    none,    ///< zeros: nothing was written here
    partial, ///< begins like a frame, but more bytes are needed than there are
    broken,  ///< no frame
};

struct frame_view {
    frame_state state = frame_state::none;
    frame_head head;
    std::string_view payload;
    std::size_t bytes = 0; ///< on disk; of a partial one the bytes that it asks for
};

/// What begins at the front of `bytes`, none of which needs to be what it seems.
frame_view read_frame(std::string_view bytes, frame_place const& place) noexcept;

} // namespace tally::ingest
