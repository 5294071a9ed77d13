#pragma once

#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// CRC-32C (Castagnoli; RFC 3720 section 12.1) of `bytes`, continuing from `before`, so that
/// crc32c(b, crc32c(a)) is the CRC of a followed by b. Uses the processor's instructions if it has
/// them.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;

} // namespace tally::ingest
