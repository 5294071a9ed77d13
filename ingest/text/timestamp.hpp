#pragma once

#include "ingest/base/time.hpp"

#include <cstdint>
#include <optional>
#include <string_view>

namespace tally::ingest {

/// A time as read from a record, before the source's zone is applied.
struct time_reading {
    enum class form : std::uint8_t {
        never, ///< absent, empty, or a value that means "did not happen"
        utc,   ///< `value` is the instant
        local, ///< `value` is what a wall clock showed, counted as if it had been UTC
        unreadable,
    };
    form is = form::never;
    time_us value = 0;

    friend bool operator==(time_reading const&, time_reading const&) = default;
};

/// Reads "YYYY-MM-DDThh:mm:ss" with any fraction (cut to microseconds) and "Z" or an offset (RFC
/// 3339), or without a zone. 't', 'z' and a blank instead of the T are accepted. The second 60 is
/// the first of the next minute. Year 0000 and 1970-01-01 00:00:00 without a zone mean "never".
time_reading read_time_text(std::string_view text) noexcept;

/// Reads seconds since 1970 in decimal, exactly ("1700000000.25"). 0 means "never". A year over
/// 9999 is unreadable: it comes from milliseconds in place of seconds.
time_reading read_epoch(std::string_view text) noexcept;

/// Reads one of the two forms above, recognized by the text.
time_reading read_time(std::string_view text) noexcept;

/// First instant of year 10000: times from here on are not accepted.
inline constexpr time_us time_us_max = 253'402'300'800 * us_per_s;

} // namespace tally::ingest
