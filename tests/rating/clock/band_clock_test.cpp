#include "rating/clock/band_clock.hpp"

#include "tests/rating/rater/builders.hpp"

#include <gtest/gtest.h>
#include <stdexcept>

namespace tally::rating::tests {
namespace {

using ingest::time_us;
using ingest::us_per_s;

/// Whether the only band of a clock covers a moment.
bool covers(std::string_view zone, band const& one, time_us t) {
    std::vector<band> const bands{one};
    band_clock const clock(zone, bands);
    return clock.covers(0, clock.read(t));
}

band on_dates(std::vector<civil_day> dates, band one) {
    one.dates = std::move(dates);
    return one;
}

constexpr std::uint8_t friday = 0b0010000;

TEST(band_clock, a_window_begins_at_its_first_second_and_ends_before_its_last) {
    band const peak = band_of("peak", 8 * hour_s, 19 * hour_s);
    EXPECT_FALSE(covers("UTC", peak, utc(2026, 3, 10, 8) - 1));
    EXPECT_TRUE(covers("UTC", peak, utc(2026, 3, 10, 8)));
    EXPECT_TRUE(covers("UTC", peak, utc(2026, 3, 10, 19) - 1));
    EXPECT_FALSE(covers("UTC", peak, utc(2026, 3, 10, 19)));
}

TEST(band_clock, asks_the_clocks_of_the_zone) {
    band const peak = band_of("peak", 8 * hour_s, 19 * hour_s);
    EXPECT_FALSE(covers("Asia/Kolkata", peak, utc(2026, 3, 10, 2, 29, 59)));
    EXPECT_TRUE(covers("Asia/Kolkata", peak, utc(2026, 3, 10, 2, 30)));
    EXPECT_FALSE(covers("Asia/Kolkata", peak, utc(2026, 3, 10, 13, 30)));
}

TEST(band_clock, days_and_dates_are_local_and_either_will_do) {
    band one = band_of("band", 0, band::day_s, 0, friday);
    EXPECT_TRUE(covers("Asia/Kolkata", one, utc(2026, 3, 12, 18, 30))); // Friday 00:00
    EXPECT_FALSE(covers("Asia/Kolkata", one, utc(2026, 3, 13, 18, 30)));
    one = on_dates({date_of(2026, 1, 26)}, one);
    EXPECT_TRUE(covers("Asia/Kolkata", one, utc(2026, 3, 12, 18, 30)));
    EXPECT_TRUE(covers("Asia/Kolkata", one, utc(2026, 1, 25, 18, 30))); // a Monday
    EXPECT_FALSE(covers("Asia/Kolkata", one, utc(2026, 1, 26, 18, 30)));
    EXPECT_FALSE(covers("Asia/Kolkata", one, utc(2026, 1, 25, 18, 29, 59)));
}

TEST(band_clock, without_days_and_dates_it_is_every_day) {
    for (unsigned day = 1; day <= 7; ++day) {
        EXPECT_TRUE(covers("UTC", band_of("any", 0, band::day_s), utc(2026, 3, day, 23, 59, 59)));
    }
    // With a date it is that date alone.
    band const feast = on_dates({date_of(2026, 3, 3)}, band_of("feast", 0, band::day_s));
    EXPECT_TRUE(covers("UTC", feast, utc(2026, 3, 3)));
    EXPECT_FALSE(covers("UTC", feast, utc(2026, 3, 4)));
}

TEST(band_clock, past_midnight_it_is_still_the_day_on_which_it_began) {
    band const late = band_of("late", 22 * hour_s, 6 * hour_s, 0, friday);
    EXPECT_FALSE(covers("UTC", late, utc(2026, 3, 13, 5))); // Friday morning is Thursday's
    EXPECT_FALSE(covers("UTC", late, utc(2026, 3, 13, 21, 59, 59)));
    EXPECT_TRUE(covers("UTC", late, utc(2026, 3, 13, 22)));
    EXPECT_TRUE(covers("UTC", late, utc(2026, 3, 14, 5, 59, 59)));
    EXPECT_FALSE(covers("UTC", late, utc(2026, 3, 14, 6)));
    EXPECT_FALSE(covers("UTC", late, utc(2026, 3, 14, 22)));
    band const sunday_night = band_of("late", 22 * hour_s, 6 * hour_s, 0, 0b1000000);
    EXPECT_TRUE(covers("UTC", sunday_night, utc(2026, 3, 16, 3))); // a Monday
    band feast = on_dates({date_of(2026, 3, 3)}, band_of("feast", 22 * hour_s, 6 * hour_s));
    EXPECT_TRUE(covers("UTC", feast, utc(2026, 3, 4, 5)));
    EXPECT_FALSE(covers("UTC", feast, utc(2026, 3, 3, 5)));
    feast.to_s = 0;
    EXPECT_TRUE(covers("UTC", feast, utc(2026, 3, 3, 23)));
    EXPECT_FALSE(covers("UTC", feast, utc(2026, 3, 4)));
}

TEST(band_clock, from_and_to_alike_is_a_whole_day_from_then) {
    band const one = band_of("band", 6 * hour_s, 6 * hour_s, 0, friday);
    EXPECT_FALSE(covers("UTC", one, utc(2026, 3, 13, 5)));
    EXPECT_TRUE(covers("UTC", one, utc(2026, 3, 13, 6)));
    EXPECT_TRUE(covers("UTC", one, utc(2026, 3, 14, 5, 59, 59)));
    EXPECT_FALSE(covers("UTC", one, utc(2026, 3, 14, 6)));
    EXPECT_TRUE(covers("UTC", band_of("band", 0, 0, 0, friday), utc(2026, 3, 13, 12)));
    EXPECT_FALSE(covers("UTC", band_of("band", 0, 0, 0, friday), utc(2026, 3, 14)));
}

TEST(band_clock, a_skipped_hour_is_not_covered_and_a_repeated_one_twice) {
    // London: 01:00 UTC is 02:00 from March 29th on, 01:00 from October 25th on.
    band const one_to_two = band_of("band", hour_s, 2 * hour_s);
    for (std::int64_t minute = -120; minute < 120; ++minute) {
        EXPECT_FALSE(covers("Europe/London", one_to_two, utc(2026, 3, 29, 3, minute)) ||
                     covers("Europe/London", one_to_two, utc(2026, 3, 29, 0, 59, 59)));
        bool const is_twice = minute >= -60 && minute < 60;
        EXPECT_EQ(covers("Europe/London", one_to_two, utc(2026, 10, 25, 1, minute)), is_twice);
    }
    EXPECT_FALSE(covers("Europe/London", one_to_two, utc(2026, 3, 29, 1)));
    // Lord Howe: half an hour is repeated, from 15:00 UTC on.
    band const half_hour = band_of("band", 3 * hour_s / 2, 2 * hour_s);
    EXPECT_FALSE(covers("Australia/Lord_Howe", half_hour, utc(2026, 4, 4, 14, 29, 59)));
    EXPECT_TRUE(covers("Australia/Lord_Howe", half_hour, utc(2026, 4, 4, 14, 30)));
    EXPECT_TRUE(covers("Australia/Lord_Howe", half_hour, utc(2026, 4, 4, 15, 29, 59)));
    EXPECT_FALSE(covers("Australia/Lord_Howe", half_hour, utc(2026, 4, 4, 15, 30)));
}

TEST(band_clock, says_until_when_nothing_changes) {
    std::vector<band> const bands{band_of("a", 8 * hour_s, 19 * hour_s)};
    band_clock const clock("Europe/London", bands);
    EXPECT_EQ(clock.read(utc(2026, 3, 10, 7)).until, utc(2026, 3, 10, 8));
    EXPECT_EQ(clock.read(utc(2026, 3, 10, 8)).until, utc(2026, 3, 10, 19));
    EXPECT_EQ(clock.read(utc(2026, 3, 10, 19)).until, utc(2026, 3, 11));
    EXPECT_EQ(clock.read(utc(2026, 3, 29)).until, utc(2026, 3, 29, 1)); // the clocks change
    EXPECT_EQ(clock.read(utc(2026, 3, 29, 1)).until, utc(2026, 3, 29, 7));
    EXPECT_EQ(clock.read(utc(2026, 3, 10, 8) - 1).until, utc(2026, 3, 10, 8));
}

TEST(band_clock, far_times_are_times_too) {
    std::vector<band> const bands{band_of("a", 8 * hour_s, 19 * hour_s)};
    band_clock const clock("America/New_York", bands);
    for (time_us const t : {-(time_us{1} << 62), time_us{1} << 62, time_us{0}, time_us{-1}}) {
        auto const now = clock.read(t);
        EXPECT_GT(now.until, t);
        EXPECT_LE(now.until, t + 24 * hour_s * us_per_s);
        EXPECT_GE(now.second, 0);
        EXPECT_LT(now.second, band::day_s);
        EXPECT_LT(now.weekday, 7);
    }
}

TEST(band_clock, refuses_what_no_clock_shows) {
    auto const refuses = [](std::string_view zone, band const& one) {
        std::vector<band> const bands{one};
        EXPECT_THROW(band_clock(zone, bands), std::invalid_argument)
            << one.from_s << ' ' << one.to_s;
    };
    refuses("UTC", band_of("band", -1, 5));
    refuses("UTC", band_of("band", band::day_s, 5));
    refuses("UTC", band_of("band", 5, -1));
    refuses("UTC", band_of("band", 5, band::day_s + 1));
    refuses("UTC", band_of("band", 5, 6, 0, 0x80));
    refuses("Mars/Olympus", band_of("band", 5, 6));
}

} // namespace
} // namespace tally::rating::tests
