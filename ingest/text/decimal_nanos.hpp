#pragma once

#include "ingest/text/decimal.hpp"

#include <optional>
#include <string_view>

namespace tally::ingest {

/// 10^18 units in nanos.
inline constexpr int128 decimal_nanos_max = int128{1'000'000'000} * 1'000'000'000 * 1'000'000'000;

/// Reads a decimal as programs write it ("3", "-0.5", "12.", "1e-05"), in units of 10^-9. nullopt
/// for anything else, for more than nine decimals that are not zero, and beyond decimal_nanos_max.
std::optional<int128> parse_decimal_nanos(std::string_view text) noexcept;

} // namespace tally::ingest
