#pragma once

#include "ingest/record/cdr.hpp"

#include <cstdint>
#include <memory>
#include <string_view>

namespace tally::rating {

/// Days since 1970-01-01 of a civil date in some time zone.
using civil_day = std::int32_t;

/// A billing period: [start, end), both local midnights of the zone, given as UTC.
struct billing_period {
    ingest::time_us start = 0;
    ingest::time_us end = 0;

    friend bool operator==(billing_period const&, billing_period const&) = default;
};

/// Civil dates of one IANA time zone. Looks offsets up once per transition and remembers the last
/// one, so a call costs a comparison. Not shared between threads: each lane has its own.
class calendar {
  public:
    /// Throws std::invalid_argument for a zone that the system's database does not have.
    explicit calendar(std::string_view zone_name);
    ~calendar();
    calendar(calendar&&) noexcept;
    calendar& operator=(calendar&&) noexcept;

    /// The local date at `t`.
    [[nodiscard]] civil_day day_of(ingest::time_us t) noexcept;
    /// UTC of that date's local midnight (the first moment of the day where midnight is skipped).
    [[nodiscard]] ingest::time_us midnight(civil_day day) noexcept;
    /// The monthly period that holds `t` for a subscription that began at `anchor`: periods begin
    /// on the anchor's local day of the month, or on the last day of a shorter month.
    [[nodiscard]] billing_period monthly(ingest::time_us anchor, ingest::time_us t) noexcept;

  private:
    struct impl;
    std::unique_ptr<impl> impl_;
};

} // namespace tally::rating
