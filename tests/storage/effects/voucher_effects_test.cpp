#include "tests/storage/effects/effects_fixture.hpp"

#include <gmock/gmock.h>

// The effects of voucher.session: sessions by their latest action, and the counters that follow.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::json_object;

constexpr int hour = 3'600;

class voucher_effects : public effects_test {
  protected:
    void SetUp() override {
        effects_test::SetUp();
        session_.query("INSERT INTO organizations (id, name, slug) VALUES ($1, 'P', 'p')",
                       {id('c', 1)});
        // Two sessions and a spare one, in March 2026.
        session_.query("INSERT INTO vouchers (id, voucher_code, organization_id, client_id, "
                       "status, total_sessions, backup_sessions, valid_from, valid_until) VALUES "
                       "($1, 'V-1', $2, $3, 'active', 2, 1, '2026-03-02Z', '2026-03-22Z')",
                       {id('d', 1), id('c', 1), user(1)});
    }

    /// `action` on session number `session`, `seconds` after Monday began.
    std::string act(std::string const& action, int session, int seconds, json_object more = {}) {
        more.with("session_id", id('f', session)).with("action", action);
        return apply({"voucher.session", at(seconds), more.text(), "V-1"});
    }

    std::string voucher() {
        return rows("SELECT status, used_sessions, used_backup_sessions FROM vouchers").front();
    }
    std::vector<std::string> sessions() {
        return rows("SELECT right(id::text, 1), kind, status FROM voucher_sessions ORDER BY 1");
    }

    /// Gives the voucher a type with these rules, of an organization in this time zone.
    void book_by(std::string const& rules, sql_value const& time_zone) {
        session_.query("UPDATE organizations SET time_zone = $1", {time_zone});
        session_.query("INSERT INTO voucher_types (id, organization_id, name, total_sessions, "
                       "session_duration_minutes, booking_rules) VALUES ($1, $2, 'T', 2, 45, $3) "
                       "ON CONFLICT (id) DO UPDATE SET booking_rules = excluded.booking_rules",
                       {id('e', 1), id('c', 1), rules});
        session_.query("UPDATE vouchers SET voucher_type_id = $1", {id('e', 1)});
    }
};

TEST_F(voucher_effects, consumes_regular_sessions_then_backup_ones_and_completes) {
    EXPECT_EQ(act("scheduled", 1, 1 * hour), "ok");
    EXPECT_EQ(voucher(), "active|0|0");
    EXPECT_EQ(act("completed", 1, 2 * hour), "ok");
    EXPECT_EQ(voucher(), "active|1|0");
    EXPECT_EQ(act("no_show", 2, 3 * hour), "ok");
    EXPECT_EQ(voucher(), "active|2|0");
    EXPECT_EQ(act("completed", 3, 4 * hour), "ok");
    EXPECT_EQ(voucher(), "completed|2|1");
    EXPECT_EQ(act("completed", 4, 5 * hour), "no_sessions_left");
    EXPECT_EQ(text_, "no_sessions_left: all 3 sessions of the voucher are used");
    EXPECT_EQ(act("no_show", 3, 6 * hour), "ok") << "counts already";
    EXPECT_THAT(sessions(),
                ElementsAre("1|regular|completed", "2|regular|no_show", "3|backup|no_show"));
}

TEST_F(voucher_effects, gives_back_and_activates_again) {
    for (int session : {1, 2, 3}) {
        act("completed", session, session * hour);
    }
    EXPECT_EQ(act("cancelled", 1, 5 * hour, json_object{}.with("reason", "ill")), "ok");
    EXPECT_EQ(voucher(), "active|2|0");
    EXPECT_THAT(sessions(),
                ElementsAre("1|regular|cancelled", "2|regular|completed", "3|regular|completed"));
    EXPECT_THAT(rows("SELECT cancellation_reason, cancelled_at, completed_at FROM "
                     "voucher_sessions WHERE status = 'cancelled'"),
                ElementsAre("ill|" + printed(5 * hour) + "|NULL"));
    EXPECT_EQ(act("completed", 1, 6 * hour), "ok");
    EXPECT_EQ(voucher(), "completed|2|1");
    EXPECT_THAT(sessions(),
                ElementsAre("1|regular|completed", "2|regular|completed", "3|backup|completed"))
        << "by when they started, as if nobody had cancelled";
    EXPECT_EQ(value("SELECT cancellation_reason IS NULL AND cancelled_at IS NULL AND completed_at "
                    "IS NOT NULL FROM voucher_sessions WHERE id = '" +
                    id('f', 1) + "'"),
              "t");
}

TEST_F(voucher_effects, ends_alike_when_a_cancellation_overtakes_what_it_cancels) {
    EXPECT_EQ(act("cancelled", 1, 5 * hour, json_object{}.with("reason", "ill")), "ok");
    EXPECT_EQ(act("completed", 1, 3 * hour), "ok");
    EXPECT_EQ(act("scheduled", 1, 1 * hour), "ok");
    EXPECT_EQ(voucher(), "active|0|0");
    EXPECT_THAT(rows("SELECT kind, status, scheduled_start, scheduled_end, status_at, "
                     "cancellation_reason FROM voucher_sessions"),
                ElementsAre("regular|cancelled|" + printed(1 * hour) + "|" + printed(2 * hour) +
                            "|" + printed(5 * hour) + "|ill"));
    EXPECT_EQ(act("completed", 2, 3 * hour), "ok");
    EXPECT_EQ(act("cancelled", 2, 3 * hour), "ok") << "of equal times a cancellation decides";
    EXPECT_EQ(act("completed", 2, 3 * hour), "ok");
    EXPECT_EQ(voucher(), "active|0|0");
}

TEST_F(voucher_effects, takes_each_member_from_the_latest_event_that_has_it) {
    EXPECT_EQ(act("completed", 1, 9 * hour,
                  json_object{}.with("therapist_id", user(2)).with("room", "A")),
              "ok");
    EXPECT_EQ(act("scheduled", 1, 1 * hour,
                  json_object{}
                      .with("scheduled_start", at(8 * hour))
                      .with("scheduled_end", at(9 * hour - 1))
                      .with("therapist_id", user(3))
                      .with("room", "B")
                      .with("note", "n")
                      .with_json("gone", "null")),
              "ok");
    EXPECT_THAT(rows("SELECT status, scheduled_start, scheduled_end, therapist_id, metadata FROM "
                     "voucher_sessions"),
                ElementsAre("completed|" + printed(8 * hour) + "|" + printed(9 * hour - 1) + "|" +
                            user(2) + "|{\"note\": \"n\", \"room\": \"A\"}"));
    EXPECT_EQ(
        act("scheduled", 1, 2 * hour,
            json_object{}.with("scheduled_start", at(10 * hour)).with("therapist_id", id('0', 77))),
        "ok");
    EXPECT_EQ(act("no_show", 1, 11 * hour, json_object{}.with("therapist_id", id('0', 77))), "ok");
    EXPECT_THAT(rows("SELECT status, scheduled_start, scheduled_end, therapist_id, metadata ->> "
                     "'therapist_id' FROM voucher_sessions"),
                ElementsAre("no_show|" + printed(10 * hour) + "|" + printed(11 * hour) + "|NULL|" +
                            id('0', 77)))
        << "an end before the start is none, an unknown therapist stays in metadata";
}

TEST_F(voucher_effects, leaves_what_an_application_wrote_until_an_event_says_otherwise) {
    session_.query("INSERT INTO voucher_sessions (id, voucher_id, kind, status, scheduled_start, "
                   "scheduled_end, therapist_id, metadata) VALUES ($1, $2, 'backup', 'scheduled', "
                   "$3, $4, $5, '{\"by\": \"app\"}')",
                   {id('f', 1), id('d', 1), at(8 * hour), at(10 * hour), user(2)});
    EXPECT_EQ(act("completed", 1, 11 * hour, json_object{}.with("note", "n")), "ok");
    EXPECT_THAT(rows("SELECT kind, status, scheduled_start, scheduled_end, therapist_id, metadata "
                     "FROM voucher_sessions"),
                ElementsAre("regular|completed|" + printed(8 * hour) + "|" + printed(10 * hour) +
                            "|" + user(2) + "|{\"by\": \"app\", \"note\": \"n\"}"));
    EXPECT_EQ(act("scheduled", 1, 1, json_object{}.with("scheduled_start", at(7 * hour))), "ok");
    EXPECT_EQ(value("SELECT scheduled_start FROM voucher_sessions"), printed(7 * hour));
}

TEST_F(voucher_effects, counts_on_from_sessions_that_have_no_row) {
    session_.execute("UPDATE vouchers SET used_sessions = 2");
    EXPECT_EQ(act("completed", 1, 1 * hour), "ok");
    EXPECT_EQ(voucher(), "completed|2|1");
    EXPECT_THAT(sessions(), ElementsAre("1|backup|completed"));
    session_.execute("UPDATE vouchers SET total_sessions = 3");
    EXPECT_EQ(act("completed", 2, 2 * hour), "ok") << "one was added, so it is not used up";
    EXPECT_EQ(voucher(), "completed|3|1");
    EXPECT_EQ(act("cancelled", 1, 3 * hour), "ok");
    EXPECT_EQ(act("cancelled", 2, 3 * hour), "ok");
    EXPECT_EQ(voucher(), "active|2|0");
    session_.execute("UPDATE vouchers SET used_sessions = 0;"
                     "UPDATE voucher_sessions SET status = 'completed', status_at = NULL");
    EXPECT_EQ(act("cancelled", 1, 4 * hour), "ok");
    EXPECT_EQ(voucher(), "active|0|0") << "never below nothing";
}

TEST_F(voucher_effects, holds_a_session_to_the_validity_and_state_of_the_voucher) {
    int const day = 24 * hour;
    EXPECT_EQ(act("completed", 1, 0, json_object{}.with("scheduled_start", "2026-03-01T23:59:59Z")),
              "voucher_not_valid");
    EXPECT_EQ(act("completed", 1, 20 * day), "voucher_not_valid") << "the end is exclusive";
    EXPECT_EQ(text_,
              "voucher_not_valid: it is valid until 2026-03-22T00:00:00.000000Z, the session "
              "starts at 2026-03-22T00:00:00.000000Z");
    EXPECT_EQ(
        act("completed", 1, 25 * day, json_object{}.with("scheduled_start", at(20 * day - 1))),
        "ok")
        << "reported later";
    EXPECT_EQ(act("scheduled", 2, 0), "ok") << "the beginning is inclusive";
    for (char const* status : {"pending", "expired", "cancelled"}) {
        session_.query("UPDATE vouchers SET status = $1::vouchers.voucher_status", {status});
        EXPECT_EQ(act("scheduled", 3, 2 * day), "voucher_not_valid");
        EXPECT_EQ(act("completed", 3, 2 * day), "voucher_not_valid");
        EXPECT_THAT(text_, HasSubstr(status));
        EXPECT_EQ(act("cancelled", 2, 1 * day), "ok");
        EXPECT_EQ(act("cancelled", 1, 26 * day), "ok");
        EXPECT_EQ(voucher(), std::string{status} + "|0|0");
    }
}

TEST_F(voucher_effects, books_by_the_hours_of_the_organization_s_time_zone) {
    std::string const rules = R"({"monday": {"enabled": true, "start_time": "08:00",
        "end_time": "20:00"}, "tuesday": {"enabled": false, "start_time": "08:00", "end_time":
        "20:00"}, "wednesday": {"enabled": true, "start_time": "00:00", "end_time": "24:00"}})";
    book_by(rules, {});
    EXPECT_EQ(act("scheduled", 1, 8 * hour - 1), "booking_refused");
    EXPECT_EQ(act("scheduled", 1, 8 * hour), "ok");
    EXPECT_EQ(act("scheduled", 2, 20 * hour - 1), "ok");
    EXPECT_EQ(act("scheduled", 3, 20 * hour), "booking_refused");
    EXPECT_EQ(text_, "booking_refused: sessions of a monday start from 08:00 until before 20:00, "
                     "not at 20:00 (UTC)");
    EXPECT_EQ(act("completed", 3, 33 * hour), "booking_refused");
    EXPECT_EQ(text_, "booking_refused: no sessions on a tuesday (UTC)");
    EXPECT_EQ(act("no_show", 3, 72 * hour - 1), "ok");
    EXPECT_EQ(act("no_show", 4, 72 * hour), "booking_refused") << "a Thursday";
    EXPECT_EQ(act("cancelled", 4, 73 * hour), "ok") << "at any time";
    EXPECT_EQ(act("completed", 4, 72 * hour), "booking_refused") << "also when it is cancelled";
    EXPECT_EQ(value("SELECT max(scheduled_end - scheduled_start) FROM voucher_sessions"),
              "00:45:00");
    book_by(rules, "Asia/Kolkata"); // five and a half hours ahead
    EXPECT_EQ(act("scheduled", 5, 3 * hour), "ok");
    EXPECT_EQ(act("scheduled", 6, 2 * hour), "booking_refused");
    EXPECT_EQ(act("scheduled", 6, 43 * hour), "ok") << "Wednesday there";
    book_by("{}", "Asia/Kolkata");
    EXPECT_EQ(act("scheduled", 7, 100 * hour), "ok") << "no rules";
    EXPECT_EQ(refused("UPDATE organizations SET time_zone = 'Mars/Olympus'"), "22023");
}

TEST_F(voucher_effects, books_one_session_for_a_time_and_a_session_on_one_voucher) {
    EXPECT_EQ(act("scheduled", 1, 1 * hour), "ok");
    EXPECT_EQ(act("scheduled", 2, 1 * hour), "booking_refused");
    EXPECT_EQ(text_, "booking_refused: another session is scheduled for "
                     "2026-03-02T01:00:00.000000Z");
    EXPECT_EQ(act("cancelled", 1, 2 * hour), "ok");
    EXPECT_EQ(act("scheduled", 2, 1 * hour), "ok");
    session_.query(
        "INSERT INTO vouchers (id, organization_id, client_id, status, total_sessions, "
        "valid_from) SELECT $1, organization_id, client_id, 'active', 1, valid_from FROM "
        "vouchers",
        {id('d', 2)});
    EXPECT_EQ(
        apply({"voucher.session", at(3 * hour),
               json_object{}.with("voucher_id", id('d', 2)).with("session_id", id('f', 1)).text()}),
        "booking_refused");
    EXPECT_THAT(text_, HasSubstr("another voucher"));
    EXPECT_EQ(apply({"voucher.session", at(3 * hour), "{}", id('d', 2), id('f', 9)}), "ok");
    EXPECT_THAT(
        rows("SELECT id, status FROM voucher_sessions WHERE voucher_id = '" + id('d', 2) + "'"),
        ElementsAre(id('f', 9) + "|completed"))
        << "the event's id is the session's, and what is not said is completed";
}

TEST_F(voucher_effects, applies_an_event_once) {
    for (int times = 0; times < 2; ++times) {
        EXPECT_EQ(act("completed", 1, 1 * hour), "ok");
    }
    EXPECT_EQ(voucher(), "active|1|0");
    session_.execute("UPDATE vouchers SET status = 'expired'");
    EXPECT_EQ(act("completed", 1, 1 * hour), "ok") << "nothing new";
    EXPECT_EQ(act("completed", 1, 2 * hour), "voucher_not_valid");
}

TEST_F(voucher_effects, refuses_what_it_cannot_read) {
    EXPECT_EQ(apply({"voucher.session", at(0), "{}", "V-2"}), "unknown_voucher");
    EXPECT_EQ(apply({"voucher.session", at(0), "{}"}), "unknown_voucher");
    EXPECT_EQ(apply({"voucher.session", at(0), "1", "V-1"}), "bad_data");
    for (char const* data :
         {R"({"action":"lost"})", R"({"session_id":"1"})", R"({"scheduled_start":"tomorrow"})",
          R"({"scheduled_start":1772409600})", R"({"scheduled_end":"2026-02-30T10:00:00Z"})",
          R"({"scheduled_start":"2026-03-03T10:00:00Z","scheduled_end":"2026-03-03T10:00:00Z"})"}) {
        EXPECT_EQ(apply({"voucher.session", at(0), data, "V-1"}), "bad_value") << data;
    }
}

} // namespace
} // namespace tally::storage
