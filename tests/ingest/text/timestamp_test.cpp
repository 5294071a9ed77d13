#include "ingest/text/timestamp.hpp"

#include "ingest/decode/call_times.hpp"
#include "ingest/text/local_clock.hpp"
#include "tests/ingest/formats/decoder_helpers.hpp"

#include <date/date.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace tally::ingest {
namespace {

using form = time_reading::form;
using tests::at;

constexpr time_us base = 1'772'359'200 * us_per_s; // 2026-03-01T10:00:00Z

TEST(timestamp, reads_rfc_3339) {
    struct sample {
        std::string_view text;
        form is;
        time_us value;
    };
    for (auto const& [text, is, value] : std::initializer_list<sample>{
             {"2026-03-01T10:00:00Z", form::utc, base},
             {"2026-03-01t10:00:00z", form::utc, base},
             {"2026-03-01 10:00:00Z", form::utc, base},
             {"2026-03-01T10:00:00.25Z", form::utc, base + 250'000},
             {"2026-03-01T10:00:00.1234569Z", form::utc, base + 123'456},
             {"2026-03-01T15:30:00+05:30", form::utc, base},
             {"2026-03-01T15:30:00+0530", form::utc, base},
             {"2026-03-01T05:00:00-05", form::utc, base},
             {"2026-03-01T09:59:60Z", form::utc, base},
             {"2016-12-31T23:59:60.7Z", form::utc, 1'483'228'800 * us_per_s},
             {"2024-02-29T00:00:00Z", form::utc, 1'709'164'800 * us_per_s},
             {"1969-12-31T23:59:59Z", form::utc, -us_per_s},
             {"1970-01-01T00:00:00Z", form::utc, 0},
             {"2026-03-01T10:00:00", form::local, base},
             {"2026-03-01 10:00:00.5", form::local, base + 500'000},
             {"", form::never, 0},
             {"0000-00-00 00:00:00", form::never, 0},
             {"1970-01-01 00:00:00", form::never, 0},
         }) {
        EXPECT_EQ(read_time_text(text), (time_reading{is, value})) << text;
    }
}

TEST(timestamp, refuses_what_no_calendar_or_clock_has) {
    for (auto const text :
         {"2026-02-30T10:00:00Z",  "2025-02-29T10:00:00Z",      "2026-13-01T10:00:00Z",
          "2026-00-10T10:00:00Z",  "2026-03-01T24:00:00Z",      "2026-03-01T10:60:00Z",
          "2026-03-01T10:00:61Z",  "2026-03-01T10:00Z",         "2026-03-01",
          "2026-03-01T10:00:00.Z", "2026-03-01T10:00:00+25:00", "2026-03-01T10:00:00+05:60",
          "2026-03-01T10:00:00+5", "2026-03-01T10:00:00 UTC",   "2026-03-01T10:00:00ZZ",
          "2026-3-1T10:00:00Z",    "26-03-01T10:00:00Z",        "2026/03/01 10:00:00",
          "01-03-2026 10:00:00",   "2026-03-01X10:00:00Z",      "yesterday",
          "-026-03-01T10:00:00Z",  "9999-12-31T23:59:59-01:00"}) {
        EXPECT_EQ(read_time_text(text).is, form::unreadable) << text;
    }
}

TEST(timestamp, reads_epoch_seconds_exactly) {
    EXPECT_EQ(read_time("1772359200"), (time_reading{form::utc, base}));
    EXPECT_EQ(read_time("1772359200.250001"), (time_reading{form::utc, base + 250'001}));
    EXPECT_EQ(read_time("1.7723592e9"), (time_reading{form::utc, base}));
    EXPECT_EQ(read_time("0").is, form::never);
    EXPECT_EQ(read_time("").is, form::never);
    EXPECT_EQ(read_time("1772359200000").is, form::unreadable) << "milliseconds";
    EXPECT_EQ(read_time("12:00").is, form::unreadable);
}

RC_GTEST_PROP(timestamp, every_moment_reads_back_in_every_zone, ()) {
    auto const second = *rc::gen::inRange<std::int64_t>(0, 253'402'300'799 - 100'000);
    auto const us = *rc::gen::inRange<int>(0, 1'000'000);
    auto const minutes = *rc::gen::inRange<int>(-14 * 60, 14 * 60);
    date::sys_time<std::chrono::microseconds> const wall{
        std::chrono::seconds{second + minutes * 60} + std::chrono::microseconds{us}};
    RC_PRE(second + minutes * 60 > 0);
    std::array<char, 32> offset{};
    std::snprintf(offset.data(), offset.size(), "%c%02d:%02d", minutes < 0 ? '-' : '+',
                  std::abs(minutes) / 60, std::abs(minutes) % 60);
    auto const text = date::format("%FT%T", wall) + offset.data();
    RC_ASSERT(read_time_text(text) == (time_reading{form::utc, second * us_per_s + us}));
}

/// A wall-clock time in the form that the decoders pass on.
time_us wall(std::string_view text) {
    auto const reading = read_time_text(text);
    EXPECT_EQ(reading.is, form::local) << text;
    return reading.value;
}

TEST(local_clock, knows_summer_and_winter) {
    EXPECT_EQ(instants_of("Europe/Berlin", wall("2026-01-15 12:00:00")).first,
              at("2026-01-15T11:00:00Z"));
    EXPECT_EQ(instants_of("Europe/Berlin", wall("2026-07-15 12:00:00")).first,
              at("2026-07-15T10:00:00Z"));
    EXPECT_EQ(instants_of("Asia/Kolkata", wall("2026-07-15 12:00:00.5")).first,
              at("2026-07-15T06:30:00.5Z"));
    EXPECT_EQ(instants_of("UTC", wall("2026-07-15 12:00:00")).first, at("2026-07-15T12:00:00Z"));
}

TEST(local_clock, gives_both_instants_of_the_hour_that_is_repeated) {
    auto const both = instants_of("Europe/Berlin", wall("2026-10-25 02:30:00"));
    EXPECT_EQ(both.first, at("2026-10-25T00:30:00Z"));
    EXPECT_EQ(both.second, at("2026-10-25T01:30:00Z"));
    auto const before = instants_of("Europe/Berlin", wall("2026-10-25 01:59:59"));
    EXPECT_EQ(before.first, before.second);
}

TEST(local_clock, shifts_a_time_that_spring_leaves_out) {
    EXPECT_EQ(instants_of("Europe/Berlin", wall("2026-03-29 02:30:00")).first,
              at("2026-03-29T01:30:00Z"));
}

TEST(local_clock, says_when_it_does_not_know_the_zone) {
    EXPECT_FALSE(instants_of("Mars/Olympus", 0).zone_is_known);
    EXPECT_FALSE(instants_of("", 0).zone_is_known);
    EXPECT_TRUE(instants_of("UTC", 0).zone_is_known);
}

RC_GTEST_PROP(local_clock, remembering_an_interval_changes_nothing, ()) {
    // Hours near changes and far from them, in an order that makes the cache both useful and stale.
    auto const hours = *rc::gen::container<std::vector<int>>(rc::gen::inRange(0, 4 * 365 * 24));
    for (int const hour : hours) {
        time_us const when = base + static_cast<time_us>(hour) * 3600 * us_per_s;
        auto const remembered = instants_of("America/New_York", when);
        (void)instants_of("UTC", when); // another zone empties the cache
        RC_ASSERT(instants_of("America/New_York", when) == remembered);
    }
}

cdr settled(read_times const& times, std::string_view zone) {
    cdr call;
    auto const fault = settle_times(times, zone, call);
    EXPECT_EQ(fault.error, record_error::none) << fault.detail;
    return call;
}

TEST(call_times, the_duration_chooses_between_the_hours_of_autumn) {
    read_times times;
    times.start = read_time_text("2026-10-25 02:50:00");
    times.end = read_time_text("2026-10-25 02:10:00");
    times.answer = read_time_text("2026-10-25 02:05:00");
    times.duration_ms = 20 * 60 * 1000;
    cdr const call = settled(times, "Europe/Berlin");
    EXPECT_EQ(call.start, at("2026-10-25T00:50:00Z"));
    EXPECT_EQ(call.answer, at("2026-10-25T01:05:00Z"));
    EXPECT_EQ(call.end, at("2026-10-25T01:10:00Z"));
    EXPECT_TRUE(call.zone_assumed);
}

TEST(call_times, a_moment_near_the_start_chooses_the_hour) {
    read_times times;
    times.start = read_time_text("2026-10-25 02:20:00");
    times.end = read_time_text("2026-10-25 02:30:00");
    times.duration_ms = 600'000;
    EXPECT_EQ(settled(times, "Europe/Berlin").start, at("2026-10-25T00:20:00Z"));
    times.start_hint = at("2026-10-25T01:20:00Z");
    cdr const call = settled(times, "Europe/Berlin");
    EXPECT_EQ(call.start, at("2026-10-25T01:20:00Z"));
    EXPECT_EQ(call.end, at("2026-10-25T01:30:00Z"));
}

TEST(call_times, the_answered_time_chooses_the_hour_of_the_answer) {
    read_times times;
    times.start = read_time_text("2026-10-25 00:50:00");
    times.answer = read_time_text("2026-10-25 01:10:00");
    times.end = read_time_text("2026-10-25 01:20:00");
    times.duration_ms = 5'400'000;
    EXPECT_EQ(settled(times, "Europe/London").answer, at("2026-10-25T00:10:00Z"));
    times.billsec_ms = 600'000;
    EXPECT_EQ(settled(times, "Europe/London").answer, at("2026-10-25T01:10:00Z"));
}

TEST(call_times, a_zone_nobody_knows_is_an_error_only_when_it_is_needed) {
    read_times times;
    times.start = read_time_text("2026-10-25T02:20:00Z");
    times.end = times.start;
    EXPECT_FALSE(settled(times, "Mars/Olympus").zone_assumed);
    times.end = read_time_text("2026-10-25 02:30:00");
    cdr call;
    EXPECT_EQ(settle_times(times, "Mars/Olympus", call).error, record_error::bad_time);
}

} // namespace
} // namespace tally::ingest
