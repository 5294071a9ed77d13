#include "tests/daemon/end_to_end/story_fixture.hpp"

#include <gmock/gmock.h>

// The licenses of a salon chain: messages are bought and sent, people work, all is audited.

namespace tally {
namespace {

using testing::ElementsAre;
using tests::json_object;

class salon_story : public tests::story_fixture {
  protected:
    salon_story() {
        sql(R"sql(
            INSERT INTO identity.users (id, email, username)
                VALUES ('00000000-0000-7000-8000-0000000000a1', 'ann@salon.example', 'ann');
            INSERT INTO licensing.licenses (id, key, product, plan, status, seats_total, dba, sms_purchased, sms_balance)
                VALUES ('00000000-0000-7000-8000-0000000000b1', 'SALON-1', 'ABC Salon Pro', 'Premium', 'active', 5, 'Curl Up', 100, 100),
                       ('00000000-0000-7000-8000-0000000000b2', 'SALON-2', 'ABC Salon Pro', 'Basic', 'active', 2, 'Dye', 0, 0);
            INSERT INTO licensing.license_assignments (id, license_id, user_id)
                VALUES ('00000000-0000-7000-8000-0000000000c1', '00000000-0000-7000-8000-0000000000b1',
                        '00000000-0000-7000-8000-0000000000a1'))sql");
    }
    tests::event_json sent(std::string const& key, int quantity, std::string_view time) {
        return event("license.sms.sent", time)
            .with("subject", key)
            .data(json_object{}.with("quantity", quantity));
    }
    [[nodiscard]] std::vector<std::string> credits() const {
        return rows("SELECT key, sms_purchased, sms_sent, sms_balance FROM licensing.licenses "
                    "ORDER BY key");
    }
};

TEST_F(salon_story, sends_what_it_has_paid_for_and_not_one_message_more) {
    push(
        {sent("SALON-1", 60, "2026-05-04T09:00:00Z"), sent("SALON-1", 30, "2026-05-04T10:00:00Z"),
         event("license.activity", "2026-05-04T10:05:00Z").data(R"({"license_key":"SALON-1"})"),
         event("license.activity", "2026-05-04T09:55:00Z")
             .data(R"({"license_id":"00000000-0000-7000-8000-0000000000b1"})"),
         event("license.assigned", "2026-05-04T08:00:00Z")
             .data(
                 R"({"license_key":"SALON-1","assignment_id":"00000000-0000-7000-8000-0000000000c1",)"
                 R"("actor_id":"00000000-0000-7000-8000-0000000000a1","ip_address":"10.1.2.3"})")});
    EXPECT_THAT(credits(), ElementsAre("SALON-1|100|90|10", "SALON-2|0|0|0"));
    EXPECT_EQ(ask("SELECT last_active = '2026-05-04T10:05:00Z' FROM licensing.licenses WHERE key = "
                  "'SALON-1'"),
              "t");

    // A request for more than is left is suspended as a whole; smaller ones still pass.
    push({sent("SALON-1", 11, "2026-05-05T09:00:00Z"), sent("SALON-2", 1, "2026-05-05T09:00:00Z"),
          sent("SALON-3", 1, "2026-05-05T09:00:00Z"), sent("SALON-1", 4, "2026-05-05T09:01:00Z")});
    EXPECT_THAT(credits(), ElementsAre("SALON-1|100|94|6", "SALON-2|0|0|0"));
    EXPECT_THAT(rows("SELECT reason, count(*) FROM ingest.suspense GROUP BY 1 ORDER BY 1"),
                ElementsAre("not_enough_credits|2", "unknown_license|1"));

    // The chain buys more messages, and the suspended request passes.
    push({event("license.sms.purchased", "2026-05-06T09:00:00Z")
              .data(R"({"license_key":"SALON-1","quantity":50})")});
    EXPECT_EQ(tallyd({"suspense", "retry", "--reason", "not_enough_credits"}).exit_code, 0);
    EXPECT_THAT(credits(), ElementsAre("SALON-1|150|105|45", "SALON-2|0|0|0"));
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.suspense WHERE state = 'waiting'"), "2");
}

TEST_F(salon_story, is_told_again_without_a_change) {
    push({sent("SALON-1", 60, "2026-05-04T09:00:00Z"), sent("SALON-1", 39, "2026-05-04T10:00:00Z"),
          event("license.activity", "2026-05-04T10:05:00Z").data(R"({"license_key":"SALON-1"})"),
          event("license.revoked", "2026-05-04T11:00:00Z")
              .data(R"({"license_key":"SALON-2","why":"unpaid"})")});
    auto const before = credits();
    push_all_again();
    EXPECT_EQ(credits(), before);
    EXPECT_EQ(ask("SELECT count(*) FROM licensing.license_audit_events"), "4");
    EXPECT_EQ(ask("SELECT metadata ->> 'why' FROM licensing.license_audit_trail WHERE license_key "
                  "= 'SALON-2'"),
              "unpaid");
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.suspense"), "0");
}

} // namespace
} // namespace tally
