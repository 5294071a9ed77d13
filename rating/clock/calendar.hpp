#pragma once

#include "ingest/record/cdr.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string_view>

namespace tally::rating {

/// Days since 1970-01-01 of a civil date in some time zone.
using civil_day = std::int32_t;

inline std::chrono::year_month_day civil(civil_day day) noexcept {
    return std::chrono::year_month_day{std::chrono::sys_days{std::chrono::days{day}}};
}

/// A billing period: [start, end), both local midnights of the zone, given as UTC.
struct billing_period {
    ingest::time_us start = 0;
    ingest::time_us end = 0;

    friend bool operator==(billing_period const&, billing_period const&) = default;
};

/// Civil dates of one IANA time zone. It keeps the offset that it used last, so that most lookups
/// cost one comparison. Not thread-safe: each lane has its own calendar.
class calendar {
  public:
    /// Throws std::invalid_argument for a zone that is not in the system's time zone database.
    explicit calendar(std::string_view zone_name);
    ~calendar();
    calendar(calendar&&) noexcept;
    calendar& operator=(calendar&&) noexcept;

    /// The local date at `t`.
    [[nodiscard]] civil_day day_of(ingest::time_us t) noexcept;
    /// The local midnight of a date, as UTC; the first moment of the day if the clocks skip
    /// midnight.
    [[nodiscard]] ingest::time_us midnight(civil_day day) noexcept;
    /// The monthly period that contains `t` for a subscription that began at `anchor`. Periods
    /// begin on the anchor's local day of the month, or on the last day of a shorter month.
    [[nodiscard]] billing_period monthly(ingest::time_us anchor, ingest::time_us t) noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::rating
