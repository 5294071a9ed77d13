#include "tests/daemon/end_to_end/story_fixture.hpp"

#include <gmock/gmock.h>

// The life of a therapy voucher: sessions are booked, held, missed and canceled until none is left.

namespace tally {
namespace {

using testing::ElementsAre;

class voucher_story : public tests::story_fixture {
  protected:
    voucher_story() {
        sql(R"sql(
            INSERT INTO identity.organizations (id, name, slug)
                VALUES ('00000000-0000-7000-8000-0000000000f1', 'Practice', 'practice');
            INSERT INTO identity.users (id, email, username)
                VALUES ('00000000-0000-7000-8000-0000000000a1', 'cleo@mail.example', 'cleo');
            INSERT INTO vouchers.voucher_types (id, organization_id, name, total_sessions, backup_sessions, booking_rules)
                VALUES ('00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-0000000000f1', 'Weekly', 2, 1,
                        '{"monday": {"enabled": true, "start_time": "08:00", "end_time": "18:00"},
                          "tuesday": {"enabled": true, "start_time": "08:00", "end_time": "18:00"}}');
            INSERT INTO vouchers.vouchers (id, voucher_code, organization_id, voucher_type_id, client_id, status,
                    total_sessions, backup_sessions, valid_from, valid_until)
                VALUES ('00000000-0000-7000-8000-0000000000d1', 'V-1', '00000000-0000-7000-8000-0000000000f1',
                        '00000000-0000-7000-8000-0000000000e1', '00000000-0000-7000-8000-0000000000a1', 'active', 2, 1,
                        '2026-05-03', '2026-08-03'))sql");
    }
    /// Session `number` of the voucher, scheduled for `start`.
    tests::event_json session(int number, std::string_view action, std::string_view start,
                              std::string_view time) {
        return event("voucher.session", time)
            .with("subject", "V-1")
            .data(tests::json_object{}
                      .with("session_id",
                            "00000000-0000-7000-8000-00000000050" + std::to_string(number))
                      .with("action", action)
                      .with("scheduled_start", start));
    }
    [[nodiscard]] std::string voucher() const {
        return ask("SELECT concat_ws('|', status, used_sessions, used_backup_sessions) FROM "
                   "vouchers.vouchers");
    }
};

TEST_F(voucher_story, uses_regular_sessions_then_backups_and_completes_on_the_last) {
    push({session(1, "scheduled", "2026-05-04T10:00:00Z", "2026-05-03T12:00:00Z")});
    EXPECT_EQ(voucher(), "active|0|0");
    push({session(1, "completed", "2026-05-04T10:00:00Z", "2026-05-04T11:00:00Z"),
          session(2, "no_show", "2026-05-11T10:00:00Z", "2026-05-11T11:00:00Z")});
    EXPECT_EQ(voucher(), "active|2|0");
    push({session(3, "completed", "2026-05-18T10:00:00Z", "2026-05-18T11:00:00Z")});
    EXPECT_EQ(voucher(), "completed|2|1");

    // No session is left, and none can be booked outside the hours or the validity of the voucher.
    push({session(4, "completed", "2026-05-25T10:00:00Z", "2026-05-25T11:00:00Z")});
    EXPECT_EQ(voucher(), "completed|2|1");
    // The missed session is forgiven and given back.
    push({session(2, "cancelled", "2026-05-11T10:00:00Z", "2026-05-26T09:00:00Z")});
    EXPECT_EQ(voucher(), "active|2|0");
    push({session(5, "completed", "2026-05-27T10:00:00Z", "2026-05-27T11:00:00Z"),
          session(6, "completed", "2026-08-03T10:00:00Z", "2026-08-03T11:00:00Z")});
    EXPECT_THAT(rows("SELECT reason FROM ingest.suspense ORDER BY received_at, reason"),
                ElementsAre("no_sessions_left", "booking_refused", "voucher_not_valid"));
    EXPECT_EQ(voucher(), "active|2|0");

    // The suspended booking gets the session that was given back.
    EXPECT_EQ(tallyd({"suspense", "retry", "--reason", "no_sessions_left"}).exit_code, 0);
    EXPECT_EQ(voucher(), "completed|2|1");
    push_all_again();
    EXPECT_EQ(voucher(), "completed|2|1");
    EXPECT_EQ(ask("SELECT count(*) FROM vouchers.voucher_sessions WHERE status IN ('completed', "
                  "'no_show')"),
              "3");
}

TEST_F(voucher_story, ends_the_same_when_the_cancellation_overtakes_the_session) {
    push({session(1, "cancelled", "2026-05-04T10:00:00Z", "2026-05-04T09:30:00Z")});
    push({session(1, "completed", "2026-05-04T10:00:00Z", "2026-05-04T09:00:00Z"),
          session(2, "completed", "2026-05-05T10:00:00Z", "2026-05-05T11:00:00Z")});
    EXPECT_EQ(voucher(), "active|1|0");
    push_all_again();
    EXPECT_EQ(voucher(), "active|1|0");
}

} // namespace
} // namespace tally
