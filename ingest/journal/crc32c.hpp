#pragma once

#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// CRC-32C (Castagnoli; RFC 3720 section 12.1) of `bytes`, continuing from `before`, so that
/// crc32c(b, crc32c(a)) is that of a and b in a row. In hardware where there is some.
std::uint32_t crc32c(std::string_view bytes, std::uint32_t before = 0) noexcept;

} // namespace tally::ingest
