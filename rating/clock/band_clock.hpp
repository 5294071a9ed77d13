#pragma once

#include "rating/clock/band.hpp"
#include "rating/clock/utc_offset_intervals.hpp"

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace tally::rating {

/// What the clocks of a plan's zone show at a moment.
struct clock_reading {
    civil_day day = 0;
    std::int32_t second = 0;   ///< of the day, as the clocks show it
    std::uint8_t weekday = 0;  ///< 0: Monday
    ingest::time_us until = 0; ///< up to here no band of the plan begins or ends
};

/// Says which of a plan's bands cover a moment. Everything it needs is worked out once, when the
/// tariff is built; then it is only read, by any number of threads, and allocates nothing.
///
/// Bands are compared with what the clocks show, so the days on which they change need no rule of
/// their own: a change is one more moment at which bands may begin or end.
class band_clock {
  public:
    /// Without bands; not to be asked.
    band_clock() = default;
    /// Throws std::invalid_argument for an unknown zone and for a window that no clock shows.
    band_clock(std::string_view zone, std::span<band const> bands);

    /// Times from -2^62 to 2^62 us; beyond the years 1 to 9999 the clocks no longer change.
    [[nodiscard]] clock_reading read(ingest::time_us t) const noexcept;
    [[nodiscard]] bool covers(band_place place, clock_reading const& at) const noexcept;

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

    std::vector<zone_stretch> stretches_;
    std::vector<window> windows_;     ///< by band_place
    std::vector<civil_day> dates_;    ///< of all bands, each one's ascending
    std::vector<std::int32_t> edges_; ///< seconds of the day at which a band may begin or end
};

} // namespace tally::rating
