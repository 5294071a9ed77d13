#include "daemon/app/liveness.hpp"

#include "daemon/pipeline/watched_stores.hpp"
#include "tests/daemon/pipeline/memory_stores.hpp"

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

// PostgreSQL ends a statement that takes too long. One that does not answer at all hangs, with a
// connection that looks alive.
TEST(heartbeat, stands_while_a_request_is_not_answered_for_too_long) {
    heartbeat pulse{"lane 0"};
    pulse.await_answer(start);
    auto const before = pulse.read(start + daemon::answer_max - seconds{1});
    EXPECT_EQ(name_of(before.state), "waiting_for_database");
    EXPECT_EQ(before.standing(), seconds{0});
    EXPECT_GT(pulse.read(start + daemon::answer_max + seconds{1}).standing(), daemon::answer_max);

    pulse.await_answer(start +
                       daemon::answer_max); // it was answered, and the next one is under way
    EXPECT_EQ(pulse.read(start + daemon::answer_max + seconds{1}).standing(), seconds{0});
}

// A database that is there and refuses the same request again and again is no outage.
TEST(heartbeat, stands_while_the_database_refuses_its_request) {
    heartbeat pulse{"lane 0"};
    pulse.refused("commit", "42501: permission denied for table cdrs", start);
    pulse.refused("commit", "42501: permission denied for table batches", start + seconds{20});
    pulse.wait_for_database(start + seconds{21}); // until the next attempt
    auto const reading = pulse.read(start + seconds{31});
    EXPECT_EQ(name_of(reading.state), "refused_by_database");
    EXPECT_EQ(reading.standing(), seconds{31}) << "since the first one";
    EXPECT_EQ(pulse.detail(), "42501: permission denied for table batches");

    pulse.answered("load_usage");
    EXPECT_EQ(pulse.read(start + seconds{32}).state, part_state::refused_by_database)
        << "another request proves nothing";
    pulse.answered("commit");
    EXPECT_EQ(pulse.read(start + seconds{32}).state, part_state::waiting_for_database);
    EXPECT_EQ(pulse.read(start + seconds{32}).standing(), seconds{0});
}

TEST(heartbeat, waits_while_there_is_no_session) {
    using storage::failure;
    heartbeat pulse{"lane 0"};
    auto const answer = [&pulse](storage::result status) {
        static_cast<void>(daemon::watched(pulse, "commit", [&] { return status; }));
        return name_of(pulse.read(heartbeat::clock::now()).state);
    };
    for (auto const* const sqlstate : {"42501", "53100", "55P03", "57014", "40001"}) {
        EXPECT_EQ(answer({failure::transient, sqlstate, "no"}), "refused_by_database") << sqlstate;
    }
    for (auto const* const sqlstate :
         {"", "08006", "57P01", "57P03", "28P01", "3D000", "53300", "25006"}) {
        EXPECT_EQ(answer({failure::transient, sqlstate, "away"}), "working") << sqlstate;
    }
    EXPECT_EQ(answer({failure::permanent, "42P01", "no such table"}), "refused_by_database");
    EXPECT_EQ(answer({}), "working");
}

// What may stay in the table does no harm: the feeder goes on.
TEST(heartbeat, does_not_stand_for_a_position_that_cannot_be_forgotten) {
    heartbeat pulse{"journal feeder"};
    daemon::tests::memory_positions positions;
    positions.is_away = true;
    positions.sqlstate = "42501";
    daemon::watched_position_store watched{positions, pulse};
    EXPECT_FALSE(watched.forget("journal:x").ok());
    EXPECT_EQ(pulse.read(heartbeat::clock::now()).state, part_state::working);
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
    EXPECT_EQ(after[1].detail, "");

    lane.refused("commit", "42501: permission denied", start);
    auto const refused = watched.parts(start + daemon::liveness::standing_max + seconds{1});
    EXPECT_EQ(refused[0].state, "refused_by_database");
    EXPECT_EQ(refused[0].detail, "42501: permission denied");
    EXPECT_TRUE(refused[0].is_standing_still);
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
