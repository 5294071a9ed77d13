#pragma once

#include <cstdint>

namespace tally::ingest {

/// Adds a value to a hash. The factor is 2^64 divided by the golden ratio: values that lie close
/// together (times, days, counters) become numbers that differ in their high bits.
constexpr std::uint64_t combined_hash(std::uint64_t hash, std::uint64_t value) noexcept {
    return hash ^ (value * 0x9e3779b97f4a7c15ULL);
}

} // namespace tally::ingest
