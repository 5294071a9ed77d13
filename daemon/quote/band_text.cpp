#include "daemon/quote/band_text.hpp"

#include "rating/clock/calendar.hpp"
#include "rating/clock/utc_offset_intervals.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>

// Times and bands as text.

namespace tally::daemon {
namespace {

constexpr std::array<char const*, 7> day_names{"mon", "tue", "wed", "thu", "fri", "sat", "sun"};
constexpr unsigned every_day = 0x7f;

/// Dates that are listed; any further ones are only counted.
constexpr std::size_t dates_shown_max = 3;

std::string date_text(rating::civil_day day) {
    auto const date = rating::civil(day);
    std::array<char, 32> text{};
    std::snprintf(text.data(), text.size(), "%04d-%02u-%02u", static_cast<int>(date.year()),
                  static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()));
    return text.data();
}

std::string clock_text(std::int32_t second, bool with_seconds) {
    std::array<char, 16> text{};
    if (with_seconds) {
        std::snprintf(text.data(), text.size(), "%02d:%02d:%02d", second / 3600, second / 60 % 60,
                      second % 60);
    } else {
        std::snprintf(text.data(), text.size(), "%02d:%02d", second / 3600, second / 60 % 60);
    }
    return text.data();
}

std::string days_text(rating::band const& band) {
    std::string text;

    // A band of all days is "every day", not a list of seven.
    for (std::size_t day = 0; day < day_names.size() && band.days != every_day; ++day) {
        if ((band.days >> day & 1U) != 0) {
            text += (text.empty() ? "" : ", ") + std::string{day_names[day]};
        }
    }
    for (std::size_t i = 0; i < std::min(band.dates.size(), dates_shown_max); ++i) {
        text += (text.empty() ? "" : ", ") + date_text(band.dates[i]);
    }
    if (band.dates.size() > dates_shown_max) {
        text += " and " + std::to_string(band.dates.size() - dates_shown_max) + " more dates";
    }
    return text.empty() ? "every day" : text;
}

} // namespace

std::string local_time_text(ingest::time_us t, std::string const& zone) {
    auto const intervals = rating::utc_offset_intervals(zone);

    // The last interval has no end, so one is always found.
    auto const found =
        std::find_if(intervals.begin(), intervals.end() - 1,
                     [t](rating::utc_offset_interval const& s) { return t < s.end; });

    auto const local = t + found->offset;
    auto const day = static_cast<rating::civil_day>(rating::floor_div(local, rating::us_per_day));
    auto const second = (local - day * rating::us_per_day) / ingest::us_per_s;
    std::chrono::weekday const weekday{std::chrono::sys_days{std::chrono::days{day}}};
    std::string name{day_names[weekday.iso_encoding() - 1]};
    name.front() = static_cast<char>(name.front() - 'a' + 'A');
    return name + ' ' + date_text(day) + ' ' + clock_text(static_cast<std::int32_t>(second), true);
}

std::string band_text(rating::band const& band) {
    std::string text = band.name + ": " + days_text(band);
    if (band.from_s != 0 || band.to_s != rating::band::day_s) {
        // Seconds only if there are any: most bands begin and end at a whole minute.
        bool const with_seconds = band.from_s % 60 != 0 || band.to_s % 60 != 0;
        text +=
            ' ' + clock_text(band.from_s, with_seconds) + '-' + clock_text(band.to_s, with_seconds);

        // A band may cross midnight; it then belongs to the day on which it begins.
        text += band.to_s <= band.from_s ? " of the next day" : "";
    }
    return text + ", weight " + std::to_string(band.weight);
}

} // namespace tally::daemon
