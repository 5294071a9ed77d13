#include "rating/clock/calendar.hpp"

#include "rating/clock/utc_offset_intervals.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <vector>

namespace tally::rating {

namespace {

using ingest::time_us;

// Times outside the range of a calendar count as its first or last moment.
constexpr civil_day day_min = civil_day_min;
constexpr civil_day day_max = civil_day_max;
constexpr time_us time_min = civil_time_min;
constexpr time_us time_max = civil_time_max;

struct civil_month {
    std::chrono::year_month month;

    [[nodiscard]] civil_day day(unsigned day_of_month) const noexcept {
        std::chrono::year_month_day const last = month / std::chrono::last;
        // Day 31 is the last day in a shorter month.
        auto const day = std::min(std::chrono::day{day_of_month}, last.day());
        return static_cast<civil_day>(
            std::chrono::sys_days{month / day}.time_since_epoch().count());
    }
    [[nodiscard]] civil_month next() const noexcept { return {month + std::chrono::months{1}}; }
    [[nodiscard]] civil_month previous() const noexcept { return {month - std::chrono::months{1}}; }
};

} // namespace

struct calendar::impl {
    std::vector<utc_offset_interval> intervals;
    std::size_t last = 0; ///< interval of the last lookup

    /// The period of the last lookup, by the anchor's day of the month. Calls arrive roughly in the
    /// order of time, so nearly all of them fall into it.
    std::array<billing_period, 32> periods{};

    [[nodiscard]] utc_offset_interval const& around(time_us t) noexcept {
        // Records come roughly in order of time, so the interval of the last one usually fits.
        if (t < intervals[last].begin || t >= intervals[last].end) {
            auto const after = std::upper_bound(
                intervals.begin(), intervals.end(), t,
                [](time_us value, utc_offset_interval const& s) { return value < s.begin; });
            last = static_cast<std::size_t>(after - intervals.begin()) - 1;
        }
        return intervals[last];
    }

    [[nodiscard]] civil_day day_of(time_us t) noexcept {
        t = std::clamp(t, time_min, time_max);
        auto const day = floor_div(t + around(t).offset, us_per_day);
        return static_cast<civil_day>(std::clamp<std::int64_t>(day, day_min, day_max));
    }

    [[nodiscard]] time_us midnight(civil_day day) noexcept;
    [[nodiscard]] billing_period period_of(unsigned anchor_day, time_us t) noexcept;
};

/// The first moment at which the zone's clocks show `day` 00:00 or later. If 00:00 occurs twice,
/// this is the first time; if the clocks skip it, the moment of the clock change.
time_us calendar::impl::midnight(civil_day day) noexcept {
    time_us const local = std::clamp(day, day_min, day_max) * us_per_day;

    // No zone is more than a day away from UTC, even across the date line. So an interval that
    // begins two days earlier is a safe start of the search.
    time_us const before = std::clamp(local - 2 * us_per_day, time_min, time_max);
    static_cast<void>(around(before));

    // Go forward to the interval in which the clocks reach the day's begin.
    auto index = last;
    while (index + 1 < intervals.size() &&
           local - intervals[index].offset >= intervals[index].end) {
        ++index;
    }
    return std::max(local - intervals[index].offset, intervals[index].begin);
}

billing_period calendar::impl::period_of(unsigned anchor_day, time_us t) noexcept {
    auto const today = civil(day_of(t));
    civil_month month{today.year() / today.month()};

    // Compare instants, not dates: if an hour occurs twice around midnight, the clock may show
    // yesterday again after the period has begun.
    if (t < midnight(month.day(anchor_day))) {
        month = month.previous();
    }
    billing_period found{midnight(month.day(anchor_day)), midnight(month.next().day(anchor_day))};

    // The clock shows the day before again, although the next period has begun.
    if (t >= found.end) {
        month = month.next();
        found = {found.end, midnight(month.next().day(anchor_day))};
    }
    return found;
}

calendar::calendar(std::string_view zone_name) : impl_(std::make_unique<impl>()) {
    impl_->intervals = utc_offset_intervals(zone_name);
}

calendar::~calendar() = default;
calendar::calendar(calendar&&) noexcept = default;
calendar& calendar::operator=(calendar&&) noexcept = default;

civil_day calendar::day_of(ingest::time_us t) noexcept {
    return impl_->day_of(t);
}

ingest::time_us calendar::midnight(civil_day day) noexcept {
    return impl_->midnight(day);
}

billing_period calendar::monthly(ingest::time_us anchor, ingest::time_us t) noexcept {
    auto const anchor_day = static_cast<unsigned>(civil(impl_->day_of(anchor)).day());

    // One entry for each day of the month is enough: periods do not depend on the anchor's month.
    billing_period& period = impl_->periods[anchor_day];
    t = std::clamp(t, time_min, time_max);
    if (t < period.start || t >= period.end) {
        period = impl_->period_of(anchor_day, t);
    }
    return period;
}

} // namespace tally::rating
