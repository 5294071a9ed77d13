#include "ingest/text/local_clock.hpp"

#include <date/tz.h>

#include <algorithm>
#include <exception>
#include <string>

namespace tally::ingest {
namespace {

constexpr time_us us_per_day = 86'400 * us_per_s;

/// A zone's offset and the wall-clock times, end excluded, at which it is certain.
struct steady_interval {
    time_us wall_begin = 0;
    time_us wall_end = 0;
    time_us offset = 0;
};

/// Cache of a thread's last result. The records of a source come in order of time, so nearly all of
/// them are answered from here, without a search.
struct zone_memory {
    std::string name;
    date::time_zone const* zone = nullptr;
    steady_interval steady;
};

date::time_zone const* find_zone(std::string_view name) noexcept {
    try {
        return date::locate_zone(name);
    } catch (std::exception const&) {
        return nullptr;
    }
}

time_us to_us(std::chrono::seconds duration) noexcept {
    return duration.count() * us_per_s;
}

/// The bounds of a zone's first and last rule lie so far away that they would overflow in
/// microseconds.
time_us clamped_us(date::sys_seconds moment) noexcept {
    constexpr std::int64_t limit_s = 400'000'000'000;
    return std::clamp(moment.time_since_epoch().count(), -limit_s, limit_s) * us_per_s;
}

/// A day is removed at both ends: no change moves a clock by more.
steady_interval interval_of(date::sys_info const& info) noexcept {
    time_us const offset = to_us(info.offset);
    return {clamped_us(info.begin) + offset + us_per_day,
            clamped_us(info.end) + offset - us_per_day, offset};
}

clock_instants search(zone_memory& memory, time_us wall) {
    date::local_seconds const second{std::chrono::seconds{whole_second(wall) / us_per_s}};
    date::local_info const info = memory.zone->get_info(second);
    time_us const first = wall - to_us(info.first.offset);
    if (info.result == date::local_info::ambiguous) {
        return {true, first, wall - to_us(info.second.offset)};
    }

    // Only an unambiguous time is cached: the repeated hour and the gap need the search.
    if (info.result == date::local_info::unique) {
        memory.steady = interval_of(info.first);
    }
    return {true, first, first};
}

} // namespace

clock_instants instants_of(std::string_view zone_name, time_us wall) noexcept {
    thread_local zone_memory memory;
    try {
        // A batch has one source, and a source one zone: the name hardly ever changes.
        if (memory.zone == nullptr || memory.name != zone_name) {
            memory = {std::string(zone_name), find_zone(zone_name), {}};
        }
        if (memory.zone == nullptr) {
            return {};
        }

        // The usual time lies in the interval of the one before.
        if (wall >= memory.steady.wall_begin && wall < memory.steady.wall_end) {
            time_us const moment = wall - memory.steady.offset;
            return {true, moment, moment};
        }
        return search(memory, wall);
    } catch (std::exception const&) {
        return {}; // the zone's file cannot be read
    }
}

} // namespace tally::ingest
