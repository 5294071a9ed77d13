#pragma once

#include "config/settings_table.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace tally::config {

/// Reads "64 MiB", "5ms", "30 s", "7 days" or a plain number, which is in the unit itself. Sizes
/// may have B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024); durations
/// ms, s, min, h, d. Returns nullopt for any other text, for a number that does not fit 64 bits,
/// and for one that is not a whole number of the unit.
std::optional<std::int64_t> parse_quantity(std::string_view text, unit counts) noexcept;

/// The suffixes that parse_quantity accepts, for messages: "ms, s, min, h, d"; empty for
/// unit::none.
std::string_view quantity_suffixes(unit counts) noexcept;

/// The shortest exact form: "64 MiB", "30 s", "7 d"; the plain number for unit::none.
std::string quantity_text(std::int64_t number, unit counts);

} // namespace tally::config
