#include "rating/clock/calendar.hpp"

#include "tests/rating/rater/builders.hpp"

#include <date/tz.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>
#include <sstream>
#include <stdexcept>

namespace tally::rating::tests {
namespace {

using ingest::time_us;
using ingest::us_per_s;

/// Zones with unusual clock changes, and the zones of most plans.
char const* const zones[] = {
    "UTC",
    "Asia/Kolkata",        // half an hour off, no summer time
    "Europe/London",       // changes at 01:00
    "Europe/Berlin",       //
    "America/New_York",    // changes at 02:00
    "America/Sao_Paulo",   // until 2018 a midnight was skipped each spring
    "America/Havana",      // midnight occurs twice each fall
    "America/St_Johns",    // until 2011 the clocks went back from 00:01 to the previous day
    "Australia/Lord_Howe", // half an hour of summer time
    "Asia/Kathmandu",      // 45 minutes
    "Pacific/Apia",        // a day was skipped
    "Africa/Casablanca",   // changes around Ramadan
    "Asia/Gaza",
};

/// A moment from "2026-03-10 12:00:00", UTC.
time_us utc(std::string const& text) {
    std::istringstream input(text);
    date::sys_seconds parsed;
    input >> date::parse("%F %T", parsed);
    if (input.fail()) {
        throw std::invalid_argument("no time: " + text);
    }
    return parsed.time_since_epoch().count() * us_per_s;
}

civil_day day(int year, unsigned month, unsigned day_of_month) {
    return date::sys_days{date::year{year} / static_cast<int>(month) /
                          static_cast<int>(day_of_month)}
        .time_since_epoch()
        .count();
}

std::string text(time_us t) {
    date::sys_time<std::chrono::microseconds> const moment{std::chrono::microseconds{t}};
    return date::format("%F %T", date::floor<std::chrono::seconds>(moment));
}

std::string text(billing_period p) {
    return text(p.start) + " to " + text(p.end);
}

TEST(calendar, refuses_a_zone_that_does_not_exist) {
    EXPECT_THROW(calendar("Europe/Atlantis"), std::invalid_argument);
    EXPECT_THROW(calendar(""), std::invalid_argument);
    EXPECT_THROW(calendar("../../etc/passwd"), std::invalid_argument);
}

TEST(calendar, knows_the_local_date) {
    calendar kolkata("Asia/Kolkata");
    EXPECT_EQ(kolkata.day_of(utc("2026-03-10 18:29:59")), day(2026, 3, 10));
    EXPECT_EQ(kolkata.day_of(utc("2026-03-10 18:30:00")), day(2026, 3, 11));
    EXPECT_EQ(kolkata.day_of(utc("1969-12-31 18:30:00") - 1), -1);
    EXPECT_EQ(kolkata.midnight(day(2026, 3, 11)), utc("2026-03-10 18:30:00"));
}

TEST(calendar, follows_summer_time) {
    calendar berlin("Europe/Berlin");
    EXPECT_EQ(berlin.midnight(day(2026, 3, 29)), utc("2026-03-28 23:00:00"));
    EXPECT_EQ(berlin.midnight(day(2026, 3, 30)), utc("2026-03-29 22:00:00"));
    EXPECT_EQ(berlin.midnight(day(2026, 10, 26)), utc("2026-10-25 23:00:00"));
}

TEST(calendar, a_skipped_midnight_is_the_moment_of_the_change) {
    calendar sao_paulo("America/Sao_Paulo"); // 2018-11-04 began at 01:00
    EXPECT_EQ(sao_paulo.midnight(day(2018, 11, 4)), utc("2018-11-04 03:00:00"));
    EXPECT_EQ(sao_paulo.day_of(utc("2018-11-04 03:00:00")), day(2018, 11, 4));
    EXPECT_EQ(sao_paulo.day_of(utc("2018-11-04 02:59:59")), day(2018, 11, 3));
    calendar apia("Pacific/Apia"); // 2011-12-30 was left out
    EXPECT_EQ(apia.midnight(day(2011, 12, 30)), utc("2011-12-30 10:00:00"));
    EXPECT_EQ(apia.midnight(day(2011, 12, 31)), utc("2011-12-30 10:00:00"));
}

TEST(calendar, of_a_midnight_that_comes_twice_the_first_counts) {
    calendar havana("America/Havana"); // 2025-11-02 01:00 became 00:00
    EXPECT_EQ(havana.midnight(day(2025, 11, 2)), utc("2025-11-02 04:00:00"));
}

TEST(calendar, periods_begin_on_the_anchors_local_day) {
    calendar kolkata("Asia/Kolkata");
    time_us const anchor = utc("2026-01-14 20:00:00"); // the 15th there
    EXPECT_EQ(text(kolkata.monthly(anchor, utc("2026-03-20 00:00:00"))),
              "2026-03-14 18:30:00 to 2026-04-14 18:30:00");
    EXPECT_EQ(text(kolkata.monthly(anchor, utc("2026-03-14 18:29:59"))),
              "2026-02-14 18:30:00 to 2026-03-14 18:30:00");
    EXPECT_EQ(text(kolkata.monthly(anchor, utc("2026-03-14 18:30:00"))),
              "2026-03-14 18:30:00 to 2026-04-14 18:30:00");
}

TEST(calendar, the_31st_is_the_last_day_of_shorter_months) {
    calendar plain("UTC");
    time_us const anchor = utc("2024-01-31 09:00:00");
    EXPECT_EQ(text(plain.monthly(anchor, utc("2024-02-28 23:59:59"))),
              "2024-01-31 00:00:00 to 2024-02-29 00:00:00");
    EXPECT_EQ(text(plain.monthly(anchor, utc("2024-02-29 00:00:00"))),
              "2024-02-29 00:00:00 to 2024-03-31 00:00:00");
    EXPECT_EQ(text(plain.monthly(anchor, utc("2025-02-28 00:00:00"))),
              "2025-02-28 00:00:00 to 2025-03-31 00:00:00");
    EXPECT_EQ(text(plain.monthly(anchor, utc("2024-12-31 12:00:00"))),
              "2024-12-31 00:00:00 to 2025-01-31 00:00:00");
    time_us const thirtieth = utc("2024-01-30 09:00:00");
    EXPECT_EQ(text(plain.monthly(thirtieth, utc("2024-03-01 00:00:00"))),
              "2024-02-29 00:00:00 to 2024-03-30 00:00:00");
}

TEST(calendar, periods_run_before_the_anchor_as_well) {
    calendar plain("UTC");
    EXPECT_EQ(text(plain.monthly(utc("2026-05-10 00:00:00"), utc("2025-12-31 00:00:00"))),
              "2025-12-10 00:00:00 to 2026-01-10 00:00:00");
}

TEST(calendar, a_period_that_has_begun_does_not_end_when_yesterday_comes_again) {
    calendar st_johns("America/St_Johns"); // 2009-11-01 00:01 became 2009-10-31 23:01
    time_us const anchor = utc("2009-01-01 12:00:00");
    time_us const again = utc("2009-11-01 03:00:00"); // 23:30 for the second time
    EXPECT_EQ(st_johns.day_of(again), day(2009, 10, 31));
    EXPECT_EQ(text(st_johns.monthly(anchor, again)), "2009-11-01 02:30:00 to 2009-12-01 03:30:00");
}

TEST(calendar, takes_any_moment) {
    for (char const* const zone : zones) {
        calendar any(zone);
        for (time_us const t : {INT64_MIN, INT64_MIN + 1, time_us{-1}, time_us{0}, INT64_MAX}) {
            auto const period = any.monthly(t, t);
            EXPECT_LE(period.start, period.end);
            static_cast<void>(any.day_of(t));
        }
        EXPECT_EQ(any.midnight(INT32_MIN), any.midnight(day(1, 1, 1)));
        EXPECT_EQ(any.midnight(INT32_MAX), any.midnight(day(9999, 12, 31)));
    }
}

time_us random_moment() {
    static time_us const first = utc("1996-01-01 00:00:00");
    static time_us const last = utc("2036-12-31 23:59:59");
    return *rc::gen::inRange(first, last);
}

/// A moment within three hours of a clock change of some of the zones.
time_us critical_moment() {
    int const year = *rc::gen::inRange(1996, 2037);
    unsigned const month = *rc::gen::inRange(1U, 13U);
    unsigned const day_of_month = *rc::gen::inRange(1U, 29U);
    return day(year, month, day_of_month) * std::int64_t{86'400} * us_per_s +
           *rc::gen::inRange<time_us>(-12 * 3600 * us_per_s, 12 * 3600 * us_per_s);
}

date::year_month_day expected_date(date::time_zone const* zone, time_us t) {
    date::sys_time<std::chrono::microseconds> const moment{std::chrono::microseconds{t}};
    return date::year_month_day{date::floor<date::days>(zone->to_local(moment))};
}

RC_GTEST_PROP(calendar_property, agrees_with_the_time_zone_library_on_dates, ()) {
    for (char const* const zone : zones) {
        calendar own(zone);
        auto const* const library = date::locate_zone(zone);
        for (time_us const t : {random_moment(), critical_moment()}) {
            date::sys_days const expected{expected_date(library, t)};
            RC_ASSERT(own.day_of(t) == expected.time_since_epoch().count());
        }
    }
}

RC_GTEST_PROP(calendar_property, a_day_begins_at_its_midnight, ()) {
    for (char const* const zone : zones) {
        calendar own(zone);
        civil_day const d = own.day_of(critical_moment());
        time_us const begin = own.midnight(d);
        // Only a day that was skipped begins at the same moment as the next one.
        RC_ASSERT(own.day_of(begin) == d || own.midnight(d + 1) == begin);
        RC_ASSERT(own.day_of(begin - 1) < d);
        RC_ASSERT(own.midnight(d + 1) >= begin);
    }
}

RC_GTEST_PROP(calendar_property, every_moment_lies_in_one_period_and_periods_tile, ()) {
    for (char const* const zone : zones) {
        calendar own(zone);
        calendar fresh(zone);
        time_us const anchor = random_moment();
        for (time_us const t : {random_moment(), critical_moment(), random_moment()}) {
            billing_period const p = own.monthly(anchor, t);
            RC_ASSERT(p.start <= t);
            RC_ASSERT(t < p.end);
            RC_ASSERT(own.monthly(anchor, p.start) == p);
            RC_ASSERT(own.monthly(anchor, p.end - 1) == p);
            RC_ASSERT(own.monthly(anchor, p.end).start == p.end);
            RC_ASSERT(own.monthly(anchor, p.start - 1).end == p.start);
            RC_ASSERT(fresh.monthly(anchor, t) == p); // whatever was asked before
        }
    }
}

RC_GTEST_PROP(calendar_property, a_period_begins_on_the_anchors_day_or_the_months_last, ()) {
    for (char const* const zone : zones) {
        calendar own(zone);
        auto const* const library = date::locate_zone(zone);
        time_us const anchor = random_moment();
        auto const begin = expected_date(library, own.monthly(anchor, random_moment()).start);
        auto const anchor_day = expected_date(library, anchor).day();
        auto const last =
            date::year_month_day_last{begin.year() / begin.month() / date::last}.day();
        bool const skipped = std::string(zone) == "Pacific/Apia"; // 2011-12-30 began on the 31st
        RC_ASSERT(begin.day() == std::min(anchor_day, last) || skipped);
    }
}

TEST(calendar_property, forty_years_of_periods_follow_each_other) {
    for (char const* const zone : zones) {
        for (char const* const anchor : {"2000-01-31 12:00:00", "2000-02-01 00:00:00"}) {
            calendar own(zone);
            time_us t = utc("1997-01-01 00:00:00");
            int months = 0;
            for (; t < utc("2037-01-01 00:00:00"); ++months) {
                auto const p = own.monthly(utc(anchor), t);
                ASSERT_LE(p.start, t) << zone;
                ASSERT_GT(p.end, t) << zone;
                ASSERT_GE(p.end - p.start, 27 * 86'400 * us_per_s) << zone << text(p);
                ASSERT_LE(p.end - p.start, 32 * 86'400 * us_per_s) << zone << text(p);
                t = p.end;
            }
            EXPECT_NEAR(months, 480, 1) << zone;
        }
    }
}

} // namespace
} // namespace tally::rating::tests
