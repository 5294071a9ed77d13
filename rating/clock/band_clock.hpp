#pragma once

#include "rating/clock/band.hpp"
#include "rating/clock/utc_offset_intervals.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tally::rating {

/// The local date and time of a plan's zone at a moment.
struct clock_reading {
    civil_day day = 0;
    std::int32_t second = 0;   ///< of the day, as the clocks show it
    std::uint8_t weekday = 0;  ///< 0: Monday
    ingest::time_us until = 0; ///< before this moment no band of the plan begins or ends
};

/// Tells which of a plan's bands cover a moment. The constructor, called when the tariff is built,
/// computes everything; afterwards the object is immutable, allocates nothing and may be used by
/// any number of threads.
///
/// Bands are compared with local clock time, so the days on which clocks change need no special
/// rule: a clock change is one more moment at which bands may begin or end.
class band_clock {
  public:
    /// A clock without bands. No other function may be called on it.
    band_clock() = default;
    /// Throws std::invalid_argument for an unknown zone and for a window outside the day.
    band_clock(std::string_view zone, std::span<band const> bands);

    /// Accepts times from -2^62 to 2^62 us. Outside the years 1 to 9999 the UTC offset is constant.
    [[nodiscard]] clock_reading read(ingest::time_us t) const noexcept;
    [[nodiscard]] bool covers(band_index slot_index, clock_reading const& reading) const noexcept;

  private:
    struct window {
        std::int32_t from_s = 0;
        std::int32_t to_s = 0;
        std::uint32_t first_date = 0; ///< in dates_
        std::uint32_t dates = 0;
        std::uint8_t days = 0;
    };
    void add(band const& one);
    [[nodiscard]] bool is_on(window const& w, civil_day day, unsigned weekday) const noexcept;

    std::vector<utc_offset_interval> intervals_;
    std::vector<window> windows_;     ///< by band_index
    std::vector<civil_day> dates_;    ///< of all bands; ascending within each band
    std::vector<std::int32_t> edges_; ///< seconds of the day at which a band may begin or end
};

} // namespace tally::rating
