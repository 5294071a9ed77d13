#pragma once

#include <algorithm>
#include <cstddef>
#include <limits>

namespace tally::ingest {

/// zlib counts in unsigned; what exceeds it is left for the next call.
inline unsigned clamp_to_unsigned(std::size_t size) noexcept {
    return static_cast<unsigned>(std::min<std::size_t>(size, std::numeric_limits<unsigned>::max()));
}

} // namespace tally::ingest
