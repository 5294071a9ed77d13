#include "ingest/journal/crc32c.hpp"

#include <isa-l/crc.h>

#include <algorithm>

namespace tally::ingest {

std::uint32_t crc32c(std::string_view bytes, std::uint32_t before) noexcept {
    constexpr std::size_t bytes_max = std::size_t{1} << 30; // isa-l takes the length as an int
    // CRC-32C begins and ends with all bits inverted; so the CRC of one part continues that of
    // another.
    std::uint32_t crc = ~before;
    while (!bytes.empty()) {
        std::size_t const part = std::min(bytes.size(), bytes_max);
        // isa-l only reads the bytes, but its interface has no const.
        auto* const data = reinterpret_cast<unsigned char*>(const_cast<char*>(bytes.data()));
        crc = crc32_iscsi(data, static_cast<int>(part), crc);
        bytes.remove_prefix(part);
    }
    return ~crc;
}

} // namespace tally::ingest
