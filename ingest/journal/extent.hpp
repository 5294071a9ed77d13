#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>

namespace tally::ingest {

/// A segment, and the part of it that may be read.
struct segment_extent {
    /// durable_bytes of a segment whose writer is gone: read as far as its frames are whole.
    /// first_record of a segment whose head cannot be read.
    static constexpr std::uint64_t unknown = std::numeric_limits<std::uint64_t>::max();

    std::uint64_t number = 0;
    std::filesystem::path file;
    std::uint64_t first_record = 0;
    std::uint64_t durable_bytes = unknown;
    bool follows_failure = false;
    std::uint32_t version = 0; ///< from its head (segment_head)
    bool is_end = false;       ///< an empty one, which says where the stream ended

    friend bool operator==(segment_extent const&, segment_extent const&) = default;
};

} // namespace tally::ingest
