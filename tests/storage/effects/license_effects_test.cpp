#include "tests/storage/effects/effects_fixture.hpp"

#include <gmock/gmock.h>

// The effects of license.* and audit.action: SMS credits, the last activity, and the two trails.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using tests::json_object;

class license_effects : public effects_test {
  protected:
    void SetUp() override {
        effects_test::SetUp();
        session_.query("INSERT INTO licenses (id, key, product, plan, seats_total, sms_balance) "
                       "VALUES ($1, 'LIC-1', 'Suite', 'Basic', 5, 10)",
                       {license_});
        session_.execute("SELECT ingest.create_partition(t, '2026-03-02') FROM (VALUES "
                         "('licensing.license_audit_events'), ('identity.audit_logs')) AS v (t)");
    }

    std::vector<std::string> credits() {
        return rows("SELECT sms_purchased, sms_sent, sms_balance FROM licenses");
    }

    std::string license_ = id('1', 1);
};

TEST_F(license_effects, moves_sms_credits_and_never_below_nothing) {
    EXPECT_EQ(apply({"license.sms.sent", at(1), R"({"license_key":"LIC-1"})"}), "ok");
    EXPECT_THAT(credits(), ElementsAre("0|1|9"));
    EXPECT_EQ(apply({"license.sms.sent", at(2), R"({"license_key":"LIC-1","quantity":10})"}),
              "not_enough_credits");
    EXPECT_EQ(text_, "not_enough_credits: license LIC-1 has 9 SMS left, 10 were sent");
    EXPECT_EQ(apply({"license.sms.purchased", at(3), R"({"quantity":"5"})", license_}), "ok");
    EXPECT_EQ(apply({"license.sms.sent", at(2), R"({"quantity":14.0})", "LIC-1"}), "ok");
    EXPECT_THAT(credits(), ElementsAre("5|15|0"));
    EXPECT_EQ(value("SELECT count(*) FROM license_audit_events"), "3");
    EXPECT_EQ(value("SELECT last_active IS NULL FROM licenses"), "t");
}

TEST_F(license_effects, keeps_the_latest_activity_whatever_the_order) {
    for (int second : {20, 30, 10}) {
        EXPECT_EQ(apply({"license.activity", at(second), "{}", "LIC-1"}), "ok");
    }
    EXPECT_EQ(value("SELECT last_active FROM licenses"), printed(30));
    EXPECT_THAT(rows("SELECT type, created_at FROM license_audit_events ORDER BY 2"),
                ElementsAre("license.activity|" + printed(10), "license.activity|" + printed(20),
                            "license.activity|" + printed(30)));
}

TEST_F(license_effects, tells_who_did_what_to_what) {
    std::string const assignment =
        value("INSERT INTO license_assignments (license_id, user_id) VALUES ($1, $2) RETURNING id",
              {license_, user(3)});
    EXPECT_EQ(apply({"license.seat.moved",
                     at(1),
                     json_object{}
                         .with("license_id", license_)
                         .with("assignment_id", assignment)
                         .with("actor_id", user(1))
                         .with("user_id", user(2))
                         .with("ip_address", "2001:db8::1")
                         .with("user_agent", "curl")
                         .with("why", "x")
                         .text(),
                     {},
                     id('e', 1)}),
              "ok");
    EXPECT_EQ(apply({"license.viewed", at(2),
                     json_object{}
                         .with("actor_id", id('0', 77))
                         .with("assignment_id", id('0', 78))
                         .with("ip_address", "here")
                         .text(),
                     "LIC-1"}),
              "ok");
    EXPECT_THAT(
        rows("SELECT id, type, actor_id, entity_type, entity_id, ip_address, user_agent, metadata "
             "FROM license_audit_events WHERE type = 'license.seat.moved'"),
        ElementsAre(id('e', 1) + "|license.seat.moved|" + user(1) + "|assignment|" + assignment +
                    "|2001:db8::1|curl|{\"why\": \"x\", \"user_id\": \"" + user(2) + "\"}"));
    EXPECT_THAT(
        rows("SELECT actor_id, entity_type, entity_id, ip_address, metadata ->> 'actor_id', "
             "metadata ->> 'assignment_id', metadata ->> 'ip_address' FROM license_audit_events "
             "WHERE type = 'license.viewed'"),
        ElementsAre("NULL|license|" + license_ + "|NULL|" + id('0', 77) + "|" + id('0', 78) +
                    "|here"));
    EXPECT_EQ(value("SELECT license_key FROM license_audit_trail WHERE entity_type = "
                    "'assignment'"),
              "LIC-1");
}

TEST_F(license_effects, applies_an_event_once) {
    usage_event const sent{"license.sms.sent", at(1), R"({"quantity":6})", "LIC-1", id('e', 1)};
    EXPECT_EQ(apply(sent), "ok");
    EXPECT_EQ(apply(sent), "ok");
    EXPECT_THAT(credits(), ElementsAre("0|6|4"));
    EXPECT_EQ(value("SELECT count(*) FROM license_audit_events"), "1");
}

TEST_F(license_effects, refuses_what_it_cannot_do) {
    for (auto const& [subject, data] : {std::pair{"LIC-2", "{}"},
                                        {"", "{}"},
                                        {"LIC-1", R"({"license_key":"lic-1"})"},
                                        {"LIC-1", R"({"license_id":"LIC-3"})"}}) {
        EXPECT_EQ(apply({"license.created", at(1), data, subject}), "unknown_license") << data;
        EXPECT_EQ(apply({"license.sms.sent", at(1), data, subject}), "unknown_license") << data;
    }
    for (char const* quantity : {"0", "-1", "1.5", R"("many")", "2147483648", R"("1e2")", "[1]"}) {
        auto const data = json_object{}.with_json("quantity", quantity).text();
        EXPECT_EQ(apply({"license.sms.sent", at(1), data, "LIC-1"}), "bad_value") << data;
        EXPECT_EQ(apply({"license.sms.purchased", at(1), data, "LIC-1"}), "bad_value") << data;
    }
    EXPECT_EQ(apply({"license.sms.purchased", at(1), R"({"quantity":2147483640})", "LIC-1"}),
              "bad_value")
        << "more than the counter holds";
    session_.execute("UPDATE licenses SET sms_sent = 2147483640");
    EXPECT_EQ(apply({"license.sms.sent", at(1), R"({"quantity":8})", "LIC-1"}), "bad_value");
    EXPECT_EQ(apply({"license.created", at(1), "[]", "LIC-1"}), "bad_data");
    EXPECT_EQ(apply({"license.created", "infinity", "{}", "LIC-1"}), "bad_value");
    EXPECT_THAT(rows("SELECT count(*) FROM license_audit_events"), ElementsAre("0"));
}

TEST_F(license_effects, lets_a_missing_partition_be_seen) {
    for (char const* type : {"license.activity", "audit.action"}) {
        try {
            apply({type, "1999-01-01T00:00:00Z", R"({"action":"x"})", "LIC-1"});
            ADD_FAILURE() << type;
        } catch (database_error const& error) {
            EXPECT_EQ(error.sqlstate(), "23514") << error.what();
            EXPECT_THAT(error.what(), HasSubstr("no partition"));
        }
    }
    EXPECT_EQ(value("SELECT last_active IS NULL FROM licenses"), "t");
}

TEST_F(license_effects, writes_the_audit_log) {
    session_.query("INSERT INTO organizations (id, name, slug) VALUES ($1, 'P', 'p')",
                   {id('c', 1)});
    usage_event const action{"audit.action", at(1),
                             json_object{}
                                 .with("action", "UPDATE")
                                 .with("user_id", user(1))
                                 .with("organization_id", id('c', 1))
                                 .with("entity_type", "voucher")
                                 .with("entity_id", 17)
                                 .with("severity", "warning")
                                 .with("description", "d")
                                 .with_json("old_values", R"({"a":1})")
                                 .with_json("new_values", R"({"a":2})")
                                 .with("ip_address", "192.0.2.1")
                                 .with("user_agent", "curl")
                                 .with("ticket", "T-1")
                                 .text(),
                             "voucher/17", id('e', 1)};
    EXPECT_EQ(apply(action), "ok");
    EXPECT_EQ(apply(action), "ok");
    EXPECT_THAT(rows("SELECT id, user_id, organization_id, action, entity_type, entity_id, "
                     "severity, description, old_values, new_values, ip_address, user_agent, "
                     "metadata, created_at FROM audit_logs"),
                ElementsAre(id('e', 1) + "|" + user(1) + "|" + id('c', 1) +
                            "|UPDATE|voucher|17|warning|d|{\"a\": 1}|{\"a\": 2}|192.0.2.1|curl|"
                            "{\"ticket\": \"T-1\", \"subject\": \"voucher/17\"}|" +
                            printed(1)));
    EXPECT_EQ(apply({"audit.action", at(2), R"({"action":"login","old_values":null})"}), "ok");
    EXPECT_EQ(apply({"audit.action", at(3),
                     json_object{}
                         .with("action", "logout")
                         .with("user_id", "x1")
                         .with("organization_id", id('c', 9))
                         .text()}),
              "ok");
    EXPECT_THAT(rows("SELECT action, user_id, organization_id, severity, old_values, metadata ->> "
                     "'user_id', metadata ->> 'organization_id', metadata IS NULL FROM audit_logs "
                     "WHERE created_at > '2026-03-02 00:00:01Z' ORDER BY created_at"),
                ElementsAre("login|NULL|NULL|info|NULL|NULL|NULL|t",
                            "logout|NULL|NULL|info|NULL|x1|" + id('c', 9) + "|f"));
    EXPECT_EQ(apply({"audit.action", at(4), R"({"action":""})"}), "bad_value");
    EXPECT_EQ(apply({"audit.action", at(4), R"({"action":"x","severity":"fatal"})"}), "bad_value");
    EXPECT_EQ(apply({"audit.action", at(4), R"("x")"}), "bad_data");
}

} // namespace
} // namespace tally::storage
