#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/cdr.hpp"
#include "ingest/text/timestamp.hpp"

#include <cstdint>
#include <string_view>

namespace tally::ingest {

/// The times of a call as read from its record.
struct read_times {
    time_reading start;
    time_reading answer;
    time_reading end;
    std::int64_t duration_ms = 0;  ///< decides between the two hours in autumn
    std::int64_t billsec_ms = 0;   ///< the same for the answer; 0: not known
    time_us start_hint = never_us; ///< an instant known to be close to the start, or never_us
};

/// The time that is wrong, and the reason.
struct times_fault {
    record_error error = record_error::none; ///< none, missing_field, bad_time, bad_times
    enum class call_time : std::uint8_t { start, answer, end } stamp = call_time::start;
    std::string_view detail;
};

/// Sets start, answer, end and zone_assumed of `out`. Times without a zone are in `zone_name`. In
/// the hour that is repeated in autumn, the instant that agrees with start_hint is chosen, else the
/// one that agrees with the duration, else the first. Then the order is checked: the answer may lie
/// a second outside, since switches cut each time to the second by itself.
times_fault settle_times(read_times const& times, std::string_view zone_name, cdr& out) noexcept;

} // namespace tally::ingest
