#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace tally::ingest {

__extension__ using int128 = __int128;

/// Reads decimal text ("12", "-0.5", "1.5e3") as an integer in units of 10^-scale: "1.25" with
/// scale 3 is 1250. Exact, without floating point; digits below the unit are cut off. nullopt when
/// the text is not a number or the result does not fit 64 bits. Leading zeros are allowed.
std::optional<std::int64_t> parse_decimal(std::string_view text, int scale) noexcept;

} // namespace tally::ingest
