#pragma once

#include <chrono>
#include <cstdint>

namespace tally::ingest {

/// Microseconds since 1970-01-01T00:00:00Z.
using time_us = std::int64_t;

/// "This never happened": the answer time of an unanswered call.
inline constexpr time_us never_us = INT64_MIN;

inline constexpr std::int64_t us_per_s = 1'000'000;

/// Start of the whole second that holds `t`; the second half of a call's key.
constexpr time_us whole_second(time_us t) noexcept {
    std::int64_t const s = t / us_per_s;
    return (t % us_per_s < 0 ? s - 1 : s) * us_per_s;
}

/// The time now, from the system's clock.
inline time_us now_us() noexcept {
    return std::chrono::duration_cast<std::chrono::microseconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

/// The same in whole seconds since 1970.
inline std::int64_t now_s() noexcept {
    return now_us() / us_per_s;
}

} // namespace tally::ingest
