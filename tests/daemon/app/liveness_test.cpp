#include "daemon/app/liveness.hpp"

#include <string>
#include <utility>
#include <vector>

#include <gtest/gtest.h>

namespace tally::tests {
namespace {

using daemon::database_wait;
using daemon::heartbeat;
using daemon::part_state;
using std::chrono::hours;
using std::chrono::milliseconds;
using std::chrono::seconds;

heartbeat::clock::time_point const start = heartbeat::clock::now();

TEST(heartbeat, stands_only_while_it_has_work) {
    heartbeat pulse{"lane 0"};
    EXPECT_EQ(pulse.read(start).state, part_state::resting);

    pulse.work(start);
    EXPECT_EQ(pulse.read(start + seconds{7}).state, part_state::working);
    EXPECT_NEAR(static_cast<double>(pulse.read(start + seconds{7}).standing().count()), 7e9, 4);
    pulse.work(start + seconds{7});
    EXPECT_LT(pulse.read(start + seconds{8}).standing(), milliseconds{1001}) << "it got further";

    pulse.rest(start);
    EXPECT_EQ(pulse.read(start + hours{1}).standing(), seconds{0});
    pulse.wait_for_database(start);
    EXPECT_EQ(pulse.read(start + hours{1}).state, part_state::waiting_for_database);
    EXPECT_EQ(pulse.read(start + hours{1}).standing(), seconds{0});
    EXPECT_GE(pulse.read(start + hours{1}).time, hours{1});
}

TEST(heartbeat, works_again_after_a_request) {
    heartbeat pulse{"lane 0"};
    pulse.work();
    {
        database_wait const waiting{pulse};
        EXPECT_EQ(pulse.read(start).state, part_state::waiting_for_database);
    }
    EXPECT_EQ(pulse.read(start).state, part_state::working);
}

TEST(liveness, a_part_that_has_worked_for_too_long_stands_still) {
    heartbeat lane{"lane 0"};
    heartbeat writer{"journal writer"};
    daemon::liveness watched;
    watched.watch(lane);
    watched.watch(writer);
    lane.wait_for_database(start);
    writer.work(start);

    auto const before = watched.parts(start + daemon::liveness::standing_max - milliseconds{1});
    ASSERT_EQ(before.size(), 2U);
    EXPECT_FALSE(before[1].is_standing_still);
    auto const after = watched.parts(start + daemon::liveness::standing_max + seconds{1});
    EXPECT_EQ(after[0].part, "lane 0");
    EXPECT_EQ(after[0].state, "waiting_for_database");
    EXPECT_FALSE(after[0].is_standing_still);
    EXPECT_EQ(after[1].part, "journal writer");
    EXPECT_EQ(after[1].state, "working");
    EXPECT_EQ(after[1].seconds, 31);
    EXPECT_TRUE(after[1].is_standing_still);
}

TEST(liveness, reports_how_long_each_part_has_stood) {
    heartbeat lane{"lane 0"};
    heartbeat writer{"journal writer"};
    daemon::liveness watched;
    watched.watch(lane);
    watched.watch(writer);
    lane.rest(start);
    writer.work(start);
    std::vector<std::pair<std::string, std::int64_t>> reports;
    watched.look(start + seconds{45}, [&reports](std::string_view part, std::int64_t time) {
        reports.emplace_back(part, time);
    });
    std::vector<std::pair<std::string, std::int64_t>> const expected{{"lane 0", 0},
                                                                     {"journal writer", 45}};
    EXPECT_EQ(reports, expected);
}

} // namespace
} // namespace tally::tests
