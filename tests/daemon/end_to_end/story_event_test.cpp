#include "tests/daemon/end_to_end/story_fixture.hpp"

#include <gmock/gmock.h>

// An event with prizes: people join a room, some leave, winners are drawn.

namespace tally {
namespace {

using testing::ElementsAre;
using tests::json_object;

class party_story : public tests::story_fixture {
  protected:
    party_story() {
        sql(R"sql(
            INSERT INTO identity.users (id, email, username)
                SELECT ('00000000-0000-7000-8000-0000000000a' || i)::uuid, 'u' || i || '@mail.example', 'u' || i
                FROM generate_series(0, 5) AS i;
            INSERT INTO engagement.apps (app_id, name) VALUES ('raffle', 'Raffle');
            INSERT INTO engagement.rooms (id, app_id, created_by, name, status, max_participants) VALUES
                ('00000000-0000-7000-8000-0000000000b1', 'raffle', '00000000-0000-7000-8000-0000000000a0', 'Party', 'active', 3),
                ('00000000-0000-7000-8000-0000000000b2', 'raffle', '00000000-0000-7000-8000-0000000000a0', 'Next', 'draft', NULL);
            INSERT INTO engagement.prizes (id, room_id, name, quantity) VALUES
                ('00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000b1', 'Bike', 1))sql");
    }
    tests::event_json in_room(std::string_view type, int user, std::string_view time,
                              json_object more = {}, std::string_view room = "b1") {
        std::string const id = "00000000-0000-7000-8000-0000000000";
        return event(type, time)
            .with("subject", id + std::string{room})
            .data(more.with("user_id", id + "a" + std::to_string(user)));
    }
    tests::event_json wins(int user, std::string_view time) {
        return in_room("room.prize.won", user, time,
                       json_object{}.with("prize_id", "00000000-0000-7000-8000-0000000000c1"));
    }
    [[nodiscard]] std::vector<std::string> people() const {
        return rows("SELECT username, p.role, p.deleted_at IS NOT NULL, count(w.id) FROM "
                    "engagement.participants AS p"
                    " JOIN identity.users AS u ON u.id = p.user_id LEFT JOIN engagement.winners AS "
                    "w ON w.participant_id = p.id"
                    " GROUP BY 1, 2, 3 ORDER BY 1, 3");
    }
};

TEST_F(party_story, lets_people_in_once_and_gives_each_prize_once) {
    push(
        {in_room("room.joined", 1, "2026-05-22T18:00:00Z"),
         in_room("room.joined", 1, "2026-05-22T18:00:05Z"),
         in_room("room.joined", 2, "2026-05-22T18:01:00Z", json_object{}.with("role", "moderator")),
         in_room("room.joined", 3, "2026-05-22T18:02:00Z")});
    EXPECT_THAT(people(),
                ElementsAre("u1|participant|f|0", "u2|moderator|f|0", "u3|participant|f|0"));
    push({in_room("room.joined", 4, "2026-05-22T18:03:00Z"),
          in_room("room.joined", 4, "2026-05-22T18:03:00Z", {}, "b2"),
          in_room("room.joined", 4, "2026-05-22T18:03:00Z", {}, "b9")});
    EXPECT_THAT(rows("SELECT reason FROM ingest.suspense ORDER BY 1"),
                ElementsAre("room_full", "room_not_open", "unknown_room"));
    push({in_room("room.left", 3, "2026-05-22T19:00:00Z"),
          in_room("room.joined", 5, "2026-05-22T19:01:00Z")});
    EXPECT_THAT(people(), ElementsAre("u1|participant|f|0", "u2|moderator|f|0",
                                      "u3|participant|t|0", "u5|participant|f|0"));

    push({wins(1, "2026-05-22T20:00:00Z")});
    push({wins(2, "2026-05-22T20:00:01Z"), wins(4, "2026-05-22T20:00:02Z")});
    EXPECT_THAT(
        rows("SELECT reason FROM ingest.suspense WHERE reason NOT LIKE '%room%' ORDER BY 1"),
        ElementsAre("no_prize_left", "not_a_participant"));
    EXPECT_THAT(people(), ElementsAre("u1|participant|f|1", "u2|moderator|f|0",
                                      "u3|participant|t|0", "u5|participant|f|0"));
    push_all_again();
    EXPECT_THAT(people(), ElementsAre("u1|participant|f|1", "u2|moderator|f|0",
                                      "u3|participant|t|0", "u5|participant|f|0"));
    EXPECT_EQ(ask("SELECT count(*) FROM engagement.winners"), "1");
}

TEST_F(party_story, ends_the_same_when_leaving_overtakes_joining) {
    push({in_room("room.left", 1, "2026-05-22T19:00:00Z"),
          in_room("room.joined", 1, "2026-05-22T18:00:00Z"),
          in_room("room.joined", 2, "2026-05-22T18:00:00Z")});
    EXPECT_EQ(ask("SELECT count(*) FROM engagement.participants WHERE deleted_at IS NULL"), "1");
}

} // namespace
} // namespace tally
