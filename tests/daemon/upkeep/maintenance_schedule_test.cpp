#include "daemon/upkeep/maintenance_schedule.hpp"
#include "daemon/upkeep/maintenance_settings.hpp"

#include "storage/admin/maintenance.hpp"

#include <date/date.h>
#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <sstream>

namespace tally::daemon {
namespace {

using namespace std::chrono_literals;

/// "2026-05-04 10:00:00" in UTC.
ingest::time_us utc(std::string const& text) {
    std::istringstream input{text};
    date::sys_time<std::chrono::microseconds> position;
    input >> date::parse("%F %T", position);
    EXPECT_FALSE(input.fail()) << text;
    return position.time_since_epoch().count();
}

std::string text_of(ingest::time_us time) {
    date::sys_time<std::chrono::microseconds> const position{std::chrono::microseconds{time}};
    return date::format("%F %T", date::floor<std::chrono::seconds>(position));
}

cadence at(std::string const& text, std::string zone = "UTC") {
    return {
        .every = 0min, .appointment = *config::parse_appointment(text), .zone = std::move(zone)};
}

std::string latest(cadence const& when, std::string const& now) {
    return text_of(latest_due(when, utc(now)));
}
std::string next(cadence const& when, std::string const& now) {
    return text_of(next_due(when, utc(now)));
}

TEST(maintenance_schedule, a_daily_time_is_the_last_one_and_the_next_one) {
    auto const two = at("02:00");
    EXPECT_EQ(latest(two, "2026-05-04 01:59:59"), "2026-05-03 02:00:00");
    EXPECT_EQ(latest(two, "2026-05-04 02:00:00"), "2026-05-04 02:00:00");
    EXPECT_EQ(next(two, "2026-05-04 01:59:59"), "2026-05-04 02:00:00");
    EXPECT_EQ(next(two, "2026-05-04 02:00:00"), "2026-05-05 02:00:00");
}

TEST(maintenance_schedule, a_weekly_time_is_on_its_day) {
    auto const sunday = at("sunday 03:00");
    EXPECT_EQ(latest(sunday, "2026-05-04 10:00:00"), "2026-05-03 03:00:00");
    EXPECT_EQ(latest(sunday, "2026-05-03 02:59:59"), "2026-04-26 03:00:00");
    EXPECT_EQ(next(sunday, "2026-05-03 03:00:00"), "2026-05-10 03:00:00");
    EXPECT_EQ(next(at("monday 00:00"), "2026-05-03 23:59:59"), "2026-05-04 00:00:00");
}

TEST(maintenance_schedule, times_are_those_of_the_zone) {
    auto const kolkata = at("02:00", "Asia/Kolkata");
    EXPECT_EQ(latest(kolkata, "2026-05-04 20:29:59"), "2026-05-03 20:30:00");
    EXPECT_EQ(next(kolkata, "2026-05-04 20:29:59"), "2026-05-04 20:30:00");
    auto const auckland = at("sunday 03:00", "Pacific/Auckland");
    EXPECT_EQ(next(auckland, "2026-06-06 12:00:00"), "2026-06-06 15:00:00"); // Sunday in local time
}

TEST(maintenance_schedule, a_time_that_the_clocks_skip_is_when_they_skip_it) {
    auto const berlin = at("02:30", "Europe/Berlin"); // 2026-03-29: 02:00 is 03:00
    EXPECT_EQ(next(berlin, "2026-03-28 12:00:00"), "2026-03-29 01:00:00");
    EXPECT_EQ(next(berlin, "2026-03-29 01:00:00"), "2026-03-30 00:30:00");
    EXPECT_EQ(latest(berlin, "2026-03-29 12:00:00"), "2026-03-29 01:00:00");
}

TEST(maintenance_schedule, a_time_that_comes_twice_is_its_first) {
    auto const berlin = at("02:30", "Europe/Berlin"); // 2026-10-25: 03:00 is 02:00
    EXPECT_EQ(next(berlin, "2026-10-24 12:00:00"), "2026-10-25 00:30:00");
    EXPECT_EQ(next(berlin, "2026-10-25 00:30:00"), "2026-10-26 01:30:00");
}

TEST(maintenance_schedule, every_so_many_minutes_are_counted_from_the_epoch) {
    cadence const five{.every = 5min, .appointment = {}, .zone = "UTC"};
    EXPECT_EQ(latest(five, "2026-05-04 10:04:59"), "2026-05-04 10:00:00");
    EXPECT_EQ(next(five, "2026-05-04 10:04:59"), "2026-05-04 10:05:00");
    EXPECT_EQ(next(five, "2026-05-04 10:05:00"), "2026-05-04 10:10:00");
    EXPECT_EQ(latest(five, "1969-12-31 23:59:00"), "1969-12-31 23:55:00");
}

RC_GTEST_PROP(maintenance_schedule, what_is_next_is_latest_when_it_comes, ()) {
    auto const zone =
        *rc::gen::element<std::string>("UTC", "Europe/Berlin", "Asia/Kolkata", "America/Sao_Paulo",
                                       "Pacific/Apia", "Australia/Lord_Howe");
    cadence const when{.every = 0min,
                       .appointment = {.minute_of_day = *rc::gen::inRange(0, 1440),
                                       .weekday = *rc::gen::inRange(-1, 7)},
                       .zone = zone};
    auto const now = *rc::gen::inRange<std::int64_t>(946'684'800, 2'000'000'000) * 1'000'000;
    auto const before = latest_due(when, now);
    auto const after = next_due(when, now);
    RC_ASSERT(before <= now);
    RC_ASSERT(after > now);
    RC_ASSERT(latest_due(when, after) == after);
    RC_ASSERT(latest_due(when, after - 1) == before);
    RC_ASSERT(after - before <= std::chrono::microseconds{8 * 24h}.count());
}

TEST(scheduled_jobs, are_ones_that_there_are_and_none_when_switched_off) {
    config::settings values;
    auto const jobs = scheduled_jobs_of(values);
    EXPECT_EQ(jobs.size(), 6U);
    for (auto const& job : jobs) {
        EXPECT_NE(storage::find_maintenance_job(job.name), nullptr) << job.name;
    }
    values.maintenance_enabled = false;
    EXPECT_TRUE(scheduled_jobs_of(values).empty());
}

} // namespace
} // namespace tally::daemon
