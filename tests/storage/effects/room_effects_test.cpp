#include "tests/storage/effects/effects_fixture.hpp"

#include <gmock/gmock.h>

// The effects of room.joined, room.left and room.prize.won: participants and winners.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using tests::json_object;

class room_effects : public effects_test {
  protected:
    void SetUp() override {
        effects_test::SetUp();
        session_.execute("INSERT INTO apps (app_id, name) VALUES ('quiz', 'Quiz')");
        for (int number : {1, 2}) {
            session_.query("INSERT INTO rooms (id, app_id, created_by, name, status) VALUES ($1, "
                           "'quiz', $2, 'Room', 'active')",
                           {id('b', number), user(9)});
            session_.query("INSERT INTO prizes (id, room_id, name) VALUES ($1, $2, 'Cup')",
                           {id('d', number), id('b', number)});
        }
    }

    std::string join(int number, int seconds, json_object const& more = {}) {
        return apply({"room.joined", at(seconds), data(number, more), id('b', 1)});
    }
    std::string leave(int number, int seconds, json_object const& more = {}) {
        return apply({"room.left", at(seconds), data(number, more), id('b', 1)});
    }
    std::string win(int number, int seconds, json_object const& more = {}) {
        return apply({"room.prize.won", at(seconds),
                      data(number, json_object{more}.with("prize_id", id('d', 1))), id('b', 1)});
    }
    static std::string data(int number, json_object more = {}) {
        return more.with("user_id", user(number)).text();
    }
    std::vector<std::string> participants() {
        return rows("SELECT right(user_id::text, 1), role, joined_at, deleted_at, status_at FROM "
                    "participants ORDER BY 1");
    }
};

TEST_F(room_effects, has_one_participant_however_often_a_user_joins) {
    EXPECT_EQ(join(1, 20, json_object{}.with("role", "viewer").with("team", "red")), "ok");
    EXPECT_EQ(join(1, 10, json_object{}.with("role", "admin").with("team", "blue").with("seat", 4)),
              "ok");
    EXPECT_EQ(join(1, 30), "ok");
    EXPECT_THAT(participants(), ElementsAre("1|viewer|" + printed(10) + "|NULL|" + printed(30)));
    EXPECT_EQ(value("SELECT metadata FROM participants"), R"({"seat": 4, "team": "red"})");
}

TEST_F(room_effects, lets_the_later_of_joining_and_leaving_decide) {
    EXPECT_EQ(leave(1, 20), "ok") << "overtook what it ends";
    EXPECT_EQ(join(1, 10), "ok");
    EXPECT_EQ(join(2, 20), "ok");
    EXPECT_EQ(leave(2, 10), "ok");
    EXPECT_EQ(join(3, 10), "ok");
    EXPECT_EQ(leave(3, 10), "ok") << "of equal times leaving decides";
    EXPECT_EQ(join(3, 10), "ok");
    EXPECT_EQ(join(4, 10), "ok");
    EXPECT_EQ(leave(4, 20), "ok");
    EXPECT_EQ(join(4, 30), "ok");
    EXPECT_THAT(participants(),
                ElementsAre("1|participant|" + printed(10) + "|" + printed(20) + "|" + printed(20),
                            "2|participant|" + printed(10) + "|NULL|" + printed(20),
                            "3|participant|" + printed(10) + "|" + printed(10) + "|" + printed(10),
                            "4|participant|" + printed(10) + "|NULL|" + printed(30)));
}

TEST_F(room_effects, goes_on_from_what_an_application_wrote) {
    session_.query("INSERT INTO participants (room_id, user_id, role, joined_at, deleted_at, "
                   "metadata) SELECT $1, $2, 'moderator', $3::timestamptz + i * interval '2s', "
                   "$3::timestamptz + i * interval '2s' + interval '1s', '{\"by\": \"app\"}' FROM "
                   "generate_series(1, 2) AS i",
                   {id('b', 1), user(1), at(0)});
    EXPECT_EQ(join(1, 4), "ok") << "earlier than it left";
    EXPECT_EQ(value("SELECT count(*) FROM participants WHERE deleted_at IS NULL"), "0");
    EXPECT_EQ(join(1, 6, json_object{}.with("team", "red")), "ok");
    EXPECT_THAT(rows("SELECT role, joined_at, metadata FROM participants WHERE deleted_at IS NULL"),
                ElementsAre("moderator|" + printed(4) + "|{\"by\": \"app\", \"team\": \"red\"}"));
    EXPECT_EQ(value("SELECT count(*) FROM participants"), "2");
}

TEST_F(room_effects, opens_and_closes_the_door) {
    EXPECT_EQ(apply({"room.joined", at(0), data(1), id('b', 7)}), "unknown_room");
    EXPECT_EQ(apply({"room.joined", at(0), data(1), "lobby"}), "unknown_room");
    EXPECT_EQ(apply({"room.joined", at(0), data(1)}), "unknown_room");
    EXPECT_EQ(join(77, 0), "unknown_user");
    EXPECT_EQ(apply({"room.left", at(0), "{}", id('b', 1)}), "unknown_user");
    EXPECT_EQ(join(1, 0, json_object{}.with("role", "king")), "bad_value");
    EXPECT_EQ(apply({"room.joined", at(0), "null", id('b', 1)}), "bad_data");
    EXPECT_EQ(apply({"room.painted", at(0), data(1), id('b', 1)}), "unknown_type");
    session_.query("UPDATE users SET deleted_at = $1 WHERE username = 'user-2'", {at(50)});
    EXPECT_EQ(join(2, 50), "unknown_user");
    EXPECT_EQ(join(2, 49), "ok") << "was there then";
    EXPECT_EQ(leave(2, 60), "ok");
    session_.query("UPDATE rooms SET ends_at = $1", {at(100)});
    EXPECT_EQ(join(1, 100), "room_not_open");
    EXPECT_EQ(join(1, 99), "ok");
    for (char const* status : {"draft", "completed", "cancelled"}) {
        session_.query("UPDATE rooms SET status = $1::engagement.room_status", {status});
        EXPECT_EQ(join(3, 10), "room_not_open");
        EXPECT_EQ(leave(1, 110), "ok") << "anybody may go";
    }
    session_.execute("UPDATE rooms SET status = 'active', deleted_at = now()");
    EXPECT_EQ(join(3, 10), "unknown_room");
    EXPECT_EQ(leave(1, 120), "unknown_room");
}

TEST_F(room_effects, lets_no_more_in_than_the_room_holds) {
    session_.execute("UPDATE rooms SET max_participants = 2");
    EXPECT_EQ(join(1, 1), "ok");
    EXPECT_EQ(join(2, 2), "ok");
    EXPECT_EQ(join(3, 3), "room_full");
    EXPECT_EQ(text_, "room_full: room " + id('b', 1) + " has 2 participants");
    EXPECT_EQ(join(2, 4), "ok") << "is in";
    EXPECT_EQ(leave(3, 5), "ok");
    EXPECT_EQ(join(3, 3), "ok") << "has left again";
    EXPECT_EQ(leave(1, 6), "ok");
    EXPECT_EQ(join(3, 7), "ok");
    EXPECT_EQ(join(1, 8), "room_full");
}

TEST_F(room_effects, gives_a_prize_once_and_no_more_than_there_are) {
    for (int number : {1, 2, 3}) {
        EXPECT_EQ(join(number, 1), "ok");
    }
    session_.execute("UPDATE prizes SET quantity = 2");
    EXPECT_EQ(apply({"room.prize.won", at(20),
                     data(1, json_object{}.with("prize_id", id('d', 1)).with("draw", 3)),
                     id('b', 1), id('e', 1)}),
              "ok");
    EXPECT_EQ(win(1, 10), "ok");
    EXPECT_EQ(win(1, 30), "ok");
    EXPECT_EQ(win(2, 10), "ok");
    EXPECT_EQ(win(3, 10), "no_prize_left");
    EXPECT_THAT(rows("SELECT w.id = '" + id('e', 1) +
                     "', right(p.user_id::text, 1), w.won_at, w.metadata FROM winners w JOIN "
                     "participants p ON p.id = w.participant_id ORDER BY 2"),
                ElementsAre("t|1|" + printed(10) + "|{\"draw\": 3}", "f|2|" + printed(10) + "|{}"));
    session_.query("UPDATE winners SET deleted_at = $1 WHERE id = $2", {at(40), id('e', 1)});
    EXPECT_EQ(win(1, 40), "ok") << "told again what was taken back afterwards";
    EXPECT_EQ(value("SELECT count(*) FROM winners WHERE deleted_at IS NULL"), "1");
    EXPECT_EQ(win(1, 41), "ok") << "won again";
    EXPECT_EQ(win(3, 42), "no_prize_left");
    EXPECT_THAT(rows("SELECT won_at, deleted_at FROM winners WHERE id = '" + id('e', 1) + "'"),
                ElementsAre(printed(41) + "|NULL"));
}

TEST_F(room_effects, gives_a_prize_of_the_room_to_somebody_who_was_in_it) {
    EXPECT_EQ(win(1, 5), "not_a_participant");
    EXPECT_EQ(join(1, 1), "ok");
    EXPECT_EQ(leave(1, 10), "ok");
    EXPECT_EQ(win(1, 11), "not_a_participant") << "had left";
    std::string const participant = value("SELECT id FROM participants");
    EXPECT_EQ(
        apply(
            {"room.prize.won", at(10),
             json_object{}.with("participant_id", participant).with("prize_id", id('d', 1)).text(),
             id('b', 1)}),
        "ok");
    EXPECT_EQ(win(1, 5, json_object{}.with("participant_id", "x")), "not_a_participant");
    for (std::string const& prize : {id('d', 2), id('d', 7), std::string{"cup"}}) {
        EXPECT_EQ(apply({"room.prize.won", at(5), data(1, json_object{}.with("prize_id", prize)),
                         id('b', 1)}),
                  "unknown_prize");
    }
    EXPECT_EQ(apply({"room.prize.won", at(5), data(1), id('b', 1)}), "unknown_prize");
    session_.execute("UPDATE rooms SET status = 'completed'");
    EXPECT_EQ(win(1, 5), "ok") << "many draw when the event is over";
    session_.execute("UPDATE rooms SET status = 'cancelled'");
    EXPECT_EQ(win(1, 5), "room_not_open");
    session_.execute("UPDATE rooms SET status = 'active'; UPDATE prizes SET deleted_at = now()");
    EXPECT_EQ(win(1, 5), "unknown_prize");
}

} // namespace
} // namespace tally::storage
