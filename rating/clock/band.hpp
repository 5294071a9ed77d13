#pragma once

#include "rating/clock/calendar.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tally::rating {

/// A wall-clock window of a plan, in the plan's time zone: from one second of the day to another,
/// on some days. The band covers a moment when the local clocks show a time within the window. So
/// the band covers an hour that the clocks show twice both times, and skips an hour that the
/// clocks skip.
struct band {
    static constexpr std::int32_t day_s = 24 * 60 * 60;

    std::string name;
    std::uint8_t days = 0;        ///< bit 0: Monday ... bit 6: Sunday
    std::int32_t from_s = 0;      ///< second of the day, 0..86399
    std::int32_t to_s = day_s;    ///< exclusive; a value <= from_s means past midnight
    std::vector<civil_day> dates; ///< holidays, ascending; with neither days nor dates: every day
    std::int32_t weight = 0;      ///< of the bands that cover a moment, the heaviest applies

    friend bool operator==(band const&, band const&) = default;
};

/// Index of a band in its plan's list. `any_band` means at any time; every named band precedes it.
using band_index = std::uint32_t;
inline constexpr band_index any_band = UINT32_MAX;

} // namespace tally::rating
