#pragma once

#include "rating/clock/calendar.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tally::rating {

/// A wall-clock window of a plan, in the plan's time zone: on some days, from one second of the day
/// to another. A moment is covered when the clocks show a time within the window, so an hour that
/// the clocks show twice is covered twice, and one they skip not at all.
struct band {
    static constexpr std::int32_t day_s = 24 * 60 * 60;

    std::string name;
    std::uint8_t days = 0;        ///< bit 0: Monday ... bit 6: Sunday
    std::int32_t from_s = 0;      ///< second of the day, 0..86399
    std::int32_t to_s = day_s;    ///< exclusive; not after from_s: it runs past midnight
    std::vector<civil_day> dates; ///< holidays, ascending; with neither days nor dates: every day
    std::int32_t weight = 0;      ///< of bands that cover a moment the heaviest holds

    friend bool operator==(band const&, band const&) = default;
};

/// Place of a band in its plan's list; `any_band`: at any time, below every named band.
using band_place = std::uint32_t;
inline constexpr band_place any_band = UINT32_MAX;

} // namespace tally::rating
