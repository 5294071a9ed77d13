#include "rating/clock/utc_offset_intervals.hpp"

#include <algorithm>
#include <chrono>
#include <date/tz.h>
#include <stdexcept>
#include <string>

namespace tally::rating {

std::vector<utc_offset_interval> utc_offset_intervals(std::string_view zone_name) {
    date::time_zone const* zone = nullptr;
    try {
        zone = date::locate_zone(std::string(zone_name));
    } catch (std::runtime_error const&) {
        throw std::invalid_argument("no time zone '" + std::string(zone_name) + "'");
    }

    // The zone's rules are asked once here, interval by interval, so that no lookup needs them
    // later.
    std::vector<utc_offset_interval> all;
    ingest::time_us time = civil_time_min;
    while (time <= civil_time_max) {
        date::sys_seconds const moment{std::chrono::seconds{floor_div(time, ingest::us_per_s)}};
        date::sys_info const info = zone->get_info(moment);

        // The last rule has no end; the calendar's range has.
        auto const end_s =
            std::min(info.end.time_since_epoch().count(), civil_time_max / ingest::us_per_s + 1);
        ingest::time_us const end = end_s * ingest::us_per_s;
        all.push_back({time, end, info.offset.count() * ingest::us_per_s});
        time = end;
    }
    return all;
}

} // namespace tally::rating
