#include "rating/clock/band_clock.hpp"

#include <algorithm>
#include <stdexcept>
#include <string>

namespace tally::rating {

namespace {

using ingest::time_us;
using ingest::us_per_s;

constexpr std::uint8_t every_day = 0x7f;
constexpr unsigned days_per_week = 7;

unsigned weekday_of(civil_day day) noexcept {
    constexpr civil_day thursday = 3; // 1970-01-01
    auto const rest = (day + thursday) % static_cast<civil_day>(days_per_week);
    return static_cast<unsigned>(rest < 0 ? rest + static_cast<civil_day>(days_per_week) : rest);
}

void check(band const& one) {
    auto const refuse = [&one](char const* reason) {
        throw std::invalid_argument("band '" + one.name + "': " + reason);
    };
    if (one.from_s < 0 || one.from_s >= band::day_s || one.to_s < 0 || one.to_s > band::day_s) {
        refuse("its hours must be from 00:00 to 24:00");
    }
    if (one.days > every_day) {
        refuse("a week has seven days");
    }
}

} // namespace

band_clock::band_clock(std::string_view zone, std::span<band const> bands)
    : intervals_(utc_offset_intervals(zone)), edges_{0, band::day_s} {
    for (band const& one : bands) {
        check(one);
        add(one);
    }
    std::sort(edges_.begin(), edges_.end());
    edges_.erase(std::unique(edges_.begin(), edges_.end()), edges_.end());
}

void band_clock::add(band const& one) {
    window added{one.from_s, one.to_s, static_cast<std::uint32_t>(dates_.size()),
                 static_cast<std::uint32_t>(one.dates.size()), one.days};
    // A band without days and dates applies on every day; with dates only, on these only.
    if (one.days == 0 && one.dates.empty()) {
        added.days = every_day;
    }

    dates_.insert(dates_.end(), one.dates.begin(), one.dates.end());
    std::sort(dates_.begin() + added.first_date, dates_.end());
    windows_.push_back(added);

    // Where a band may begin or end, a reading ends as well: so one reading serves all bands until
    // then.
    edges_.push_back(one.from_s);
    edges_.push_back(one.to_s);
}

clock_reading band_clock::read(time_us t) const noexcept {
    // The interval around `t`; before the first one, the first one's offset counts.
    auto next = std::upper_bound(
        intervals_.begin(), intervals_.end(), t,
        [](time_us value, utc_offset_interval const& s) { return value < s.begin; });
    utc_offset_interval const& around = next == intervals_.begin() ? *next : *(next - 1);

    time_us const local = t + around.offset;
    clock_reading now;
    now.day = static_cast<civil_day>(floor_div(local, us_per_day));
    time_us const midnight = now.day * us_per_day;
    now.second = static_cast<std::int32_t>((local - midnight) / us_per_s);
    now.weekday = static_cast<std::uint8_t>(weekday_of(now.day));

    // The reading is valid until the next edge or the next clock change. The end of the day is an
    // edge, so there is always a next one.
    auto const edge = std::upper_bound(edges_.begin(), edges_.end(), now.second);
    now.until = midnight + *edge * us_per_s - around.offset;
    if (next != intervals_.end()) {
        now.until = std::min(now.until, next->begin);
    }
    return now;
}

bool band_clock::is_on(window const& w, civil_day day, unsigned weekday) const noexcept {
    // Either is enough: a holiday applies on whatever weekday it falls.
    if ((w.days >> weekday & 1U) != 0) {
        return true;
    }
    auto const first = dates_.begin() + w.first_date;
    return w.dates != 0 && std::binary_search(first, first + w.dates, day);
}

bool band_clock::covers(band_index index, clock_reading const& reading) const noexcept {
    window const& w = windows_[index];
    if (w.from_s < w.to_s) {
        return w.from_s <= reading.second && reading.second < w.to_s &&
               is_on(w, reading.day, reading.weekday);
    }

    // Past midnight, or 24 hours: this is the part before midnight.
    if (w.from_s <= reading.second) {
        return is_on(w, reading.day, reading.weekday);
    }

    // After midnight the window belongs to the day on which it began.
    unsigned const yesterday = reading.weekday == 0 ? days_per_week - 1 : reading.weekday - 1U;
    return reading.second < w.to_s && is_on(w, reading.day - 1, yesterday);
}

} // namespace tally::rating
