#pragma once

#include "ingest/base/time.hpp"

#include <string_view>

namespace tally::ingest {

/// The moments at which a wall clock shows one time: two in the hour that is repeated in autumn.
struct clock_moments {
    bool zone_is_known = false;
    time_us first = 0;
    time_us second = 0; ///< equals `first` but in that hour

    friend bool operator==(clock_moments const&, clock_moments const&) = default;
};

/// The moments of a wall-clock time (microseconds counted as if it were UTC) in an IANA time zone.
/// A time in the gap of spring is shifted forward by the gap, as a clock nobody set would show it.
/// Any thread; each remembers the zone and the stretch without a change that it saw last.
clock_moments moments_of(std::string_view zone_name, time_us wall) noexcept;

} // namespace tally::ingest
