#pragma once

#include "ingest/base/time.hpp"

#include <string_view>

namespace tally::ingest {

/// The instants at which a wall clock shows a given time: two in the hour that is repeated in
/// autumn.
struct clock_instants {
    bool zone_is_known = false;
    time_us first = 0;
    time_us second = 0; ///< equals `first`, except in that hour

    friend bool operator==(clock_instants const&, clock_instants const&) = default;
};

/// The instants of a wall-clock time (microseconds counted as if it were UTC) in an IANA time zone.
/// A time in the gap of spring is shifted forward by the gap, like a clock that was not set. Any
/// thread; each caches the zone and the interval without a change that it used last.
clock_instants instants_of(std::string_view zone_name, time_us wall) noexcept;

} // namespace tally::ingest
