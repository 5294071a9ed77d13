#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/cdr.hpp"
#include "ingest/text/timestamp.hpp"

#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// The times of a call as its record has them.
struct read_times {
    time_reading start;
    time_reading answer;
    time_reading end;
    std::int64_t duration_ms = 0;  ///< tells the two hours of autumn apart
    std::int64_t billsec_ms = 0;   ///< the same for the answer; 0: does not say
    time_us near_start = never_us; ///< a moment known to be close to the start, or never_us
};

/// Which of the three is at fault, and why.
struct times_fault {
    record_error error = record_error::none; ///< none, missing_field, bad_time, bad_times
    enum class which : std::uint8_t { start, answer, end } at = which::start;
    std::string_view detail;
};

/// Writes start, answer, end and zone_assumed of `out`. Times without a zone are taken in
/// `zone_name`; in the hour that is repeated in autumn the moment is chosen that agrees with
/// near_start, else with the duration, else the first. Then checks that they are in order: the
/// answer may lie a second outside, since switches cut each time to the second by itself.
times_fault settle_times(read_times const& times, std::string_view zone_name, cdr& out) noexcept;

} // namespace tally::ingest
