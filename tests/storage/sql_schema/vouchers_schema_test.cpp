#include "tests/storage/sql_schema/context_fixture.hpp"

#include <gmock/gmock.h>

// Vouchers: booking rules, counters within their bounds, and what prevents deleting a sold voucher.

namespace tally::storage {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr auto practice = "c0000000-0000-0000-0000-000000000001";
constexpr auto other_practice = "c0000000-0000-0000-0000-000000000002";

class vouchers_schema : public context_test {
  protected:
    void SetUp() override {
        make_users(4);
        session_.query("INSERT INTO organizations (id, name, slug) VALUES ($1, 'Practice', "
                       "'practice'), ($2, 'Other', 'other')",
                       {practice, other_practice});
    }

    std::string make_type(std::string const& organization) {
        return value("INSERT INTO voucher_types (organization_id, name, session_name, "
                     "total_sessions, backup_sessions, price) VALUES ($1, 'Standard', 'Therapy "
                     "Session', 10, 2, 399.99) RETURNING id",
                     {organization});
    }
    /// A voucher of user 2 with ten sessions and two backup sessions.
    std::string make_voucher(sql_value const& type = {}) {
        return value("INSERT INTO vouchers (organization_id, voucher_type_id, client_id, "
                     "total_sessions, backup_sessions) VALUES ($1, $2, $3, 10, 2) RETURNING id",
                     {practice, type, user(2)});
    }
    std::string problem(std::string const& rules) {
        return value("SELECT vouchers.booking_rules_problem($1)", {rules});
    }
    void expect_refused(std::vector<refused_statement> const& statements) {
        for (auto const& [sql, sqlstate, says] : statements) {
            EXPECT_EQ(refused(sql), sqlstate) << sql << "\n" << text_;
            EXPECT_THAT(text_, HasSubstr(says)) << sql;
        }
    }
};

TEST_F(vouchers_schema, takes_booking_rules_that_say_when) {
    for (char const* rules :
         {R"({})", R"({"monday": {"enabled": true, "start_time": "08:00", "end_time": "20:00"}})",
          R"({"saturday": {"enabled": false}, "sunday": {"enabled": false}})",
          R"({"friday": {"enabled": true, "start_time": "00:00", "end_time": "24:00"}})",
          R"({"friday": {"enabled": false, "start_time": null, "end_time": null}})",
          R"({"tuesday": {"enabled": false, "start_time": "12:00", "end_time": "12:01"},
              "wednesday": {"enabled": true, "start_time": "23:58", "end_time": "23:59"},
              "thursday": {"enabled": true, "start_time": "09:59", "end_time": "10:00"}})"}) {
        EXPECT_EQ(problem(rules), "NULL") << rules;
        session_.query("INSERT INTO voucher_types (organization_id, name, total_sessions, "
                       "booking_rules) VALUES ($1, 'T', 1, $2)",
                       {practice, rules});
    }
}

TEST_F(vouchers_schema, refuses_booking_rules_that_do_not_and_says_what_is_wrong) {
    struct wrong_rules {
        char const* rules;
        char const* says;
    };
    for (auto const& [rules, says] : {
             wrong_rules{R"([])", "no object of weekdays"},
             {R"("monday")", "no object of weekdays"},
             {R"(null)", "no object of weekdays"},
             {R"({"Monday": {"enabled": false}})", "Monday is no weekday"},
             {R"({"mon": {"enabled": false}})", "mon is no weekday"},
             {R"({"monday": true})", "monday: no object with"},
             {R"({"monday": null})", "monday: no object with"},
             {R"({"monday": {}})", "monday: enabled is neither"},
             {R"({"monday": {"enabled": "yes"}})", "monday: enabled is neither"},
             {R"({"monday": {"enabled": null}})", "monday: enabled is neither"},
             {R"({"monday": {"enabled": true}})", "monday: enabled without"},
             {R"({"monday": {"enabled": true, "start_time": "08:00"}})", "enabled without"},
             {R"({"monday": {"enabled": true, "start_time": "08:00", "end_time": null}})",
              "enabled without"},
             {R"({"monday": {"enabled": true, "start_time": 8, "end_time": "20:00"}})",
              "a time is not a string"},
             {R"({"monday": {"enabled": true, "start_time": "8:00", "end_time": "20:00"}})",
              "start_time 8:00 is not HH:MM"},
             {R"({"monday": {"enabled": true, "start_time": "24:00", "end_time": "24:00"}})",
              "start_time 24:00 is not HH:MM"},
             {R"({"monday": {"enabled": true, "start_time": "08:00", "end_time": "20:60"}})",
              "end_time 20:60 is not HH:MM"},
             {R"({"monday": {"enabled": true, "start_time": "08:00", "end_time": "24:01"}})",
              "end_time 24:01 is not HH:MM"},
             {R"({"monday": {"enabled": true, "start_time": "08:00\n", "end_time": "20:00"}})",
              "is not HH:MM"},
             {R"({"monday": {"enabled": true, "start_time": "20:00", "end_time": "08:00"}})",
              "start_time 20:00 is not before end_time 08:00"},
             {R"({"monday": {"enabled": true, "start_time": "08:00", "end_time": "08:00"}})",
              "is not before"},
             {R"({"monday": {"enabled": false, "start_time": "09:00", "end_time": "08:00"}})",
              "is not before"},
             {R"({"monday": {"enabled": false, "start_time": "later"}})", "later is not HH:MM"},
             {R"({"monday": {"enabled": false, "from": "08:00"}})", "unknown member from"},
         }) {
        EXPECT_THAT(problem(rules), HasSubstr(says)) << rules;
        EXPECT_EQ(refused("INSERT INTO voucher_types (organization_id, name, total_sessions, "
                          "booking_rules) VALUES (" +
                          quoted(practice) + ", 'T', 1, " + quoted(rules) + ")"),
                  "23514")
            << rules;
        EXPECT_THAT(text_, HasSubstr(says)) << rules;
    }
    EXPECT_EQ(value("SELECT vouchers.booking_rules_problem(NULL) IS NOT NULL"), "t");
}

TEST_F(vouchers_schema, refuses_what_no_type_can_be) {
    make_type(practice);
    expect_refused({
        {"UPDATE voucher_types SET frequency = 'custom'", "23514", "custom_days"},
        {"UPDATE voucher_types SET frequency = 'custom', custom_days = '{}'", "23514",
         "custom_days"},
        {"UPDATE voucher_types SET frequency = 'custom', custom_days = '{someday}'", "23514",
         "custom_days"},
        {"UPDATE voucher_types SET frequency = 'custom', custom_days = '{NULL}'", "23514",
         "custom_days"},
        {"UPDATE voucher_types SET custom_days = '{monday}'", "23514", "custom_days"},
        {"UPDATE voucher_types SET frequency = 'hourly'", "22P02", "voucher_frequency"},
        {"UPDATE voucher_types SET total_sessions = 0", "23514", "total_sessions"},
        {"UPDATE voucher_types SET backup_sessions = -1", "23514", "backup_sessions"},
        {"UPDATE voucher_types SET session_duration_minutes = 0", "23514", "duration"},
        {"UPDATE voucher_types SET max_clients_per_session = 0", "23514", "max_clients"},
        {"UPDATE voucher_types SET price = -0.01", "23514", "price"},
        {"UPDATE voucher_types SET validity_days = 0", "23514", "validity_days"},
        {"UPDATE voucher_types SET deactivated_at = now()", "23514", "deactivated"},
        {"UPDATE voucher_types SET organization_id = public.uuid_v7()", "23503", "organization_id"},
        {"INSERT INTO organizations (name, slug) VALUES ('Again', 'practice')", "23505", "slug"},
    });
    session_.execute("UPDATE voucher_types SET frequency = 'custom', custom_days = "
                     "ARRAY['monday', 'friday'], is_active = false, deactivated_at = now()");
}

TEST_F(vouchers_schema, keeps_counters_between_nothing_and_what_was_bought) {
    make_voucher(make_type(practice));
    session_.execute("UPDATE vouchers SET used_sessions = used_sessions + 10, used_backup_sessions "
                     "= used_backup_sessions + 2");
    expect_refused({
        {"UPDATE vouchers SET used_sessions = used_sessions + 1", "23514",
         "vouchers_used_sessions"},
        {"UPDATE vouchers SET used_backup_sessions = used_backup_sessions + 1", "23514",
         "vouchers_used_backup_sessions"},
        {"UPDATE vouchers SET used_sessions = -1", "23514", "used_sessions"},
        {"UPDATE vouchers SET used_backup_sessions = -1", "23514", "used_backup_sessions"},
        {"UPDATE vouchers SET total_sessions = 9", "23514", "vouchers_used_sessions"},
        {"UPDATE vouchers SET valid_until = valid_from", "23514", "vouchers_validity"},
        {"UPDATE vouchers SET payment_amount = -1", "23514", "payment_amount"},
        {"UPDATE vouchers SET currency = 'xx'", "23514", "currency"},
        {"UPDATE vouchers SET status = 'lost'", "22P02", "voucher_status"},
        {"UPDATE vouchers SET payment_status = 'lost'", "22P02", "payment_status"},
    });
    for (char const* status : {"pending", "active", "expired", "cancelled", "completed"}) {
        session_.query("UPDATE vouchers SET status = $1::vouchers.voucher_status", {status});
    }
}

TEST_F(vouchers_schema, sells_only_the_organization_s_own_types) {
    std::string const type = make_type(other_practice);
    EXPECT_EQ(refused("INSERT INTO vouchers (organization_id, voucher_type_id, client_id, "
                      "total_sessions) VALUES (" +
                      quoted(practice) + "," + quoted(type) + "," + quoted(user(2)) + ", 1)"),
              "23503");
    EXPECT_THAT(text_, HasSubstr("vouchers_voucher_type_id_fkey"));
    make_voucher(); // created by hand, without a type
    EXPECT_EQ(value("SELECT voucher_type_id IS NULL FROM vouchers"), "t");
}

TEST_F(vouchers_schema, keeps_sold_vouchers_with_all_they_name) {
    std::string const voucher = make_voucher(make_type(practice));
    session_.query("UPDATE vouchers SET therapist_id = $1", {user(1)});
    session_.query("INSERT INTO payment_transactions (voucher_id, organization_id, client_id, "
                   "amount, currency) VALUES ($1, $2, $3, 399.99, 'USD')",
                   {voucher, practice, user(2)});
    session_.query("INSERT INTO voucher_sessions (voucher_id, scheduled_start, scheduled_end) "
                   "VALUES ($1, now(), now() + interval '1 hour')",
                   {voucher});
    expect_refused({
        {"DELETE FROM vouchers", "23503", "payment_transactions_voucher_id_fkey"},
        {"DELETE FROM voucher_types", "23503", "vouchers_voucher_type_id_fkey"},
        {"DELETE FROM organizations WHERE slug = 'practice'", "23503", "organization_id"},
        {"DELETE FROM users WHERE username = 'user-2'", "23503", "client_id"},
        {"UPDATE payment_transactions SET voucher_id = public.uuid_v7()", "23503", "voucher_id"},
    });
    session_.execute("DELETE FROM users WHERE username = 'user-1'");
    EXPECT_EQ(value("SELECT therapist_id IS NULL FROM vouchers"), "t");
    session_.execute("DELETE FROM payment_transactions; DELETE FROM vouchers");
    EXPECT_EQ(value("SELECT count(*) FROM voucher_sessions"), "0");
}

TEST_F(vouchers_schema, books_a_session_once) {
    std::string const voucher = make_voucher();
    std::string const book =
        "INSERT INTO voucher_sessions (voucher_id, kind, scheduled_start, scheduled_end) VALUES (" +
        quoted(voucher) + ", 'backup', '2026-05-04 09:00Z', '2026-05-04 10:00Z')";
    session_.execute(book);
    EXPECT_EQ(refused(book), "23505");
    session_.execute("UPDATE voucher_sessions SET status = 'cancelled'");
    session_.execute(book);
    expect_refused({
        {"UPDATE voucher_sessions SET scheduled_end = scheduled_start", "23514",
         "voucher_sessions_times"},
        {"UPDATE voucher_sessions SET kind = 'third'", "22P02", "session_kind"},
        {"UPDATE voucher_sessions SET status = 'third'", "22P02", "session_status"},
    });
    EXPECT_THAT(rows("SELECT kind, status FROM voucher_sessions ORDER BY 2"),
                ElementsAre("backup|scheduled", "backup|cancelled"));
}

} // namespace
} // namespace tally::storage
