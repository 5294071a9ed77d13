#pragma once

#include "ingest/record/cdr.hpp"

#include <string_view>
#include <vector>

namespace tally::rating {

/// An interval between two clock changes of a zone, in which the UTC offset is constant.
struct utc_offset_interval {
    ingest::time_us begin;
    ingest::time_us end;    ///< exclusive
    ingest::time_us offset; ///< local time - UTC
};

inline constexpr ingest::time_us us_per_day = std::int64_t{24} * 60 * 60 * ingest::us_per_s;

// The range of a calendar: the years 1 to 9999.
inline constexpr std::int32_t civil_day_min = -719'162;
inline constexpr std::int32_t civil_day_max = 2'932'896;
inline constexpr ingest::time_us civil_time_min = civil_day_min * us_per_day;
inline constexpr ingest::time_us civil_time_max =
    (civil_day_max + std::int64_t{1}) * us_per_day - 1;

constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) noexcept {
    return a / b - (a % b < 0 ? 1 : 0);
}

/// All intervals of an IANA zone from civil_time_min to civil_time_max, ascending and without gaps
/// (about 200). The caller keeps them, so that later lookups neither allocate nor ask the time zone
/// database. Throws std::invalid_argument for a zone that is not in the system's database.
std::vector<utc_offset_interval> utc_offset_intervals(std::string_view zone_name);

} // namespace tally::rating
