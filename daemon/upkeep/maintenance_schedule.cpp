#include "daemon/upkeep/maintenance_schedule.hpp"

#include <date/tz.h>

namespace tally::daemon {

namespace {

using std::chrono::microseconds;
using std::chrono::minutes;
using moment = date::sys_time<microseconds>;

/// More than a week, so that a weekly appointment is found both before and after now.
constexpr int days_around = 9;

ingest::time_us time_of(moment instant) noexcept {
    return instant.time_since_epoch().count();
}

/// The appointment on a local day; false when it is on another day of the week.
bool moment_of(cadence const& schedule, date::time_zone const& zone, date::local_days day,
               moment& out) {
    // Each local day is asked on its own: days differ in length when the clocks change.
    date::weekday const weekday{day};
    if (schedule.appointment.weekday >= 0 &&
        weekday.c_encoding() != static_cast<unsigned>(schedule.appointment.weekday)) {
        return false;
    }
    out = zone.to_sys(day + minutes{schedule.appointment.minute_of_day}, date::choose::earliest);
    return true;
}

/// Calls `visit` with the appointments around `now`, in order of time, until it returns true.
template <typename Visit>
void around(cadence const& schedule, moment now, Visit&& visit) {
    // In local days, not in steps of 24 hours: an appointment keeps its hour across the change of
    // clocks.
    auto const* zone = date::locate_zone(schedule.zone);
    auto const today = date::floor<date::days>(zone->to_local(now));
    for (int offset = -days_around; offset <= days_around; ++offset) {
        moment instant;
        if (moment_of(schedule, *zone, today + date::days{offset}, instant) && visit(instant)) {
            return;
        }
    }
}

} // namespace

ingest::time_us latest_due(cadence const& schedule, ingest::time_us now) {
    if (schedule.every.count() > 0) {
        // Multiples of the interval since 1970: all daemons agree on them, whenever they were
        // started.
        //
        //     every 5 minutes, now 12:07:30  →  latest 12:05:00, next 12:10:00
        auto const step = microseconds{schedule.every}.count();
        auto const rest = now % step; // negative before 1970
        return now - (rest < 0 ? rest + step : rest);
    }

    // The appointments come in order, so the last one up to now is the latest.
    moment const limit{microseconds{now}};
    moment latest{};
    around(schedule, limit, [&](moment instant) {
        latest = instant <= limit ? instant : latest;
        return instant > limit;
    });
    return time_of(latest);
}

/// Strictly after now: at its own moment a run is due, not next.
ingest::time_us next_due(cadence const& schedule, ingest::time_us now) {
    if (schedule.every.count() > 0) {
        return latest_due(schedule, now) + microseconds{schedule.every}.count();
    }

    // The first appointment after now ends the search.
    moment const limit{microseconds{now}};
    moment next{};
    around(schedule, limit, [&](moment instant) {
        next = instant;
        return instant > limit;
    });
    return time_of(next);
}

} // namespace tally::daemon
