#include "storage/postgres/sql_session.hpp"
#include "storage/schema/seeds.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// The content of a seeded database: queries that verify it, and samples that are consistent even
// where no constraint can require it.

namespace tally::storage {
namespace {

using testing::HasSubstr;
using tests::private_postgres;

std::string seeded_database() {
    std::string database = private_postgres::shared().migrated_database();
    seed_options options;
    options.demo = true;
    apply_seeds(database, options);
    return database;
}

/// Most tests only read, so they share one database.
std::string const& shared_seeded_database() {
    static std::string const database = seeded_database();
    return database;
}

class seed_samples_test : public testing::Test {
  protected:
    sql_session session_{shared_seeded_database(), "test"};

    /// Rows of a query as "a|b, c|d".
    std::string rows(std::string const& sql) {
        std::string text;
        for (sql_row const& row : session_.query(sql)) {
            text += text.empty() ? "" : ", ";
            for (std::size_t i = 0; i < row.size(); ++i) {
                text += (i > 0 ? "|" : "") + row[i].value_or("NULL");
            }
        }
        return text;
    }
};

TEST_F(seed_samples_test, answer_the_queries_of_telecom_billing) {
    EXPECT_THAT(rows("SELECT email, role FROM users;"),
                testing::StartsWith("admin@balatrix.com|admin, support@balatrix.com|support, "
                                    "john.doe@example.com|customer, jane.smith@example.com|"
                                    "customer, admin@acmecorp.com|customer, "));
    EXPECT_EQ(rows("SELECT name, monthly_price FROM rate_plans;"),
              "Starter|349.000000, Professional|999.000000, Call Center|4999.000000, "
              "Free|0.000000, Pro|29.990000, Pro (yearly)|24.000000, Enterprise|83.250000");
    EXPECT_EQ(rows("SELECT subscription_number, status FROM subscriptions;"),
              "SUB-10001|active, SUB-10002|active, SUB-10003|active");
    EXPECT_EQ(rows("SELECT account_number, account_type, balance FROM accounts;"),
              "ACC-10001|prepaid|500.000000000, ACC-10002|prepaid|2000.000000000, "
              "ACC-10003|postpaid|0.000000000");
}

TEST_F(seed_samples_test, answer_the_queries_of_a_voucher_system) {
    EXPECT_EQ(rows("SELECT COUNT(*) as org_count FROM organizations;"), "1");
    EXPECT_EQ(
        rows("SELECT COUNT(*) as users_without_org FROM users WHERE organization_id IS NULL;"),
        "0");
    EXPECT_EQ(rows("SELECT COUNT(*) as voucher_type_count FROM voucher_types;"), "3");
    auto const audit = session_.query(
        "SELECT * FROM audit_logs WHERE action = 'migration' ORDER BY created_at DESC LIMIT 1;");
    EXPECT_EQ(audit.size(), 1U);
    session_.execute("SELECT conname, contype, conrelid::regclass FROM pg_constraint WHERE "
                     "connamespace = 'public'::regnamespace AND conrelid::regclass::text LIKE "
                     "'%organizations%';");
    EXPECT_THAT(rows("SELECT conname, contype, conrelid::regclass FROM pg_constraint WHERE "
                     "connamespace = 'identity'::regnamespace AND conrelid::regclass::text LIKE "
                     "'%organizations%';"),
                HasSubstr("organizations_slug_key|u|organizations"));
}

TEST_F(seed_samples_test, answer_the_queries_of_an_event_platform) {
    session_.execute("ANALYZE;");
    session_.execute("VACUUM;");
    sql_transaction const rolled_back{session_};
    session_.execute(
        "INSERT INTO token_blacklist (token_hash, expires_at, user_id) SELECT 'hash ' || n, now() "
        "+ "
        "n * interval '1 hour', '00000000-0000-7000-8000-000000000101' FROM generate_series(-1, 1) "
        "AS n WHERE n <> 0;"
        "INSERT INTO sessions (user_id, refresh_token, expires_at, last_used_at) SELECT "
        "'00000000-0000-7000-8000-000000000101', 'token ' || n, now() + n * interval '1 day', "
        "now() "
        "- n * interval '4 days' FROM generate_series(1, 3) AS n");
    EXPECT_THAT(
        rows("SELECT COUNT(*) as total_entries, COUNT(*) FILTER (WHERE expires_at > NOW()) "
             "as active_entries, COUNT(*) FILTER (WHERE expires_at <= NOW()) as "
             "expired_entries, pg_size_pretty(pg_total_relation_size('token_blacklist')) as "
             "table_size FROM token_blacklist;"),
        testing::MatchesRegex("2\\|1\\|1\\|[0-9]+ kB"));
    EXPECT_THAT(rows("SELECT COUNT(*) as total_sessions, COUNT(*) FILTER (WHERE expires_at > "
                     "NOW()) as active_sessions, COUNT(*) FILTER (WHERE last_used_at > NOW() - "
                     "INTERVAL '7 days') as recent_sessions, pg_size_pretty("
                     "pg_total_relation_size('sessions')) as table_size FROM sessions;"),
                testing::MatchesRegex("3\\|3\\|1\\|[0-9]+ kB"));
    EXPECT_THAT(rows("SELECT schemaname, relname AS tablename, indexrelname AS indexname, idx_scan "
                     "as index_scans FROM pg_stat_user_indexes ORDER BY idx_scan ASC;"),
                HasSubstr("identity|users|users_email_key|"));
    EXPECT_THAT(rows("SELECT schemaname, tablename, pg_size_pretty(pg_total_relation_size("
                     "schemaname||'.'||tablename)) AS size FROM pg_tables WHERE schemaname = "
                     "'public' ORDER BY pg_total_relation_size(schemaname||'.'||tablename) DESC;"),
                HasSubstr("public|tallyd_seeds|"));
}

TEST_F(seed_samples_test, hold_the_price_list_and_the_voucher_types) {
    EXPECT_EQ(rows("SELECT name, tier, billing_interval, price, currency FROM subscription_plans "
                   "WHERE currency = 'USD' ORDER BY display_order"),
              "Free|free|monthly|0.000000|USD, Pro|pro|monthly|29.990000|USD, Pro "
              "(yearly)|pro|yearly|288.000000|USD, Enterprise|enterprise|yearly|999.000000|USD");
    EXPECT_EQ(
        rows("SELECT name, total_sessions, backup_sessions, session_duration_minutes, "
             "max_clients_per_session, frequency, round(price, 2), currency, booking_rules -> "
             "'friday' ->> 'end_time' FROM voucher_types ORDER BY id"),
        "Standard Individual Therapy|10|2|60|1|weekly|399.99|USD|15:00, Group Therapy "
        "Package|8|2|90|8|weekly|199.99|USD|15:00, Intensive Daily "
        "Sessions|20|4|45|1|daily|799.99|USD|15:00");
    EXPECT_EQ(rows("SELECT name, slug, is_active FROM organizations"),
              "Default Organization|default-org|t");
}

TEST_F(seed_samples_test, hold_fifty_licenses_of_every_kind) {
    EXPECT_EQ(rows("SELECT count(*), min(seats_total), max(seats_total) FROM licenses"),
              "50|5|100");
    EXPECT_EQ(rows("SELECT status, count(*) FROM licenses GROUP BY 1 ORDER BY 1"),
              "draft|5, active|20, expiring|5, expired|5, revoked|5, cancel|5, pending|5");
    EXPECT_EQ(rows("SELECT count(DISTINCT (product, plan, term)) FROM licenses"), "18");
    EXPECT_EQ(rows("SELECT DISTINCT product FROM licenses ORDER BY 1"),
              "ABC Business Suite, ABC Enterprise, ABC Salon Pro");
    EXPECT_EQ(rows("SELECT DISTINCT plan FROM licenses ORDER BY 1"), "Basic, Enterprise, Premium");
    EXPECT_EQ(rows("SELECT count(*) FROM licenses WHERE sms_balance <> sms_purchased - sms_sent OR "
                   "jsonb_array_length(agents_name) <> agents OR status IN ('active', 'expiring') "
                   "AND NOT now() BETWEEN starts_at AND expires_at OR status = 'expired' AND "
                   "expires_at > now()"),
              "0");
    EXPECT_EQ(rows("SELECT bool_and(sms_purchased > 0) AND bool_or(agents > 0) FROM licenses WHERE "
                   "sms_sent > 0"),
              "t");
}

TEST_F(seed_samples_test, assign_licenses_to_staff_and_tell_so) {
    EXPECT_EQ(rows("SELECT count(*) FROM licenses l WHERE seats_used <> (SELECT count(*) FROM "
                   "license_assignments a WHERE a.license_id = l.id AND status = 'assigned')"),
              "0");
    EXPECT_EQ(rows("SELECT DISTINCT a.status, u.role FROM license_assignments a JOIN users u ON "
                   "u.id = a.user_id ORDER BY 1"),
              "assigned|staff, unassigned|staff, revoked|staff");
    EXPECT_EQ(rows("SELECT count(*) FROM license_assignments a JOIN licenses l ON l.id = "
                   "a.license_id WHERE a.assigned_at < l.starts_at"),
              "0");
    EXPECT_EQ(rows("SELECT DISTINCT type FROM license_audit_trail ORDER BY 1"),
              "assignment.created, assignment.revoked, assignment.unassigned, license.cancelled, "
              "license.created, license.expired, license.revoked");
    EXPECT_EQ(rows("SELECT count(*) FROM license_audit_trail WHERE license_key IS NULL OR "
                   "created_at > now() OR entity_type = 'assignment' AND assigned_user_email IS "
                   "NULL"),
              "0");
    EXPECT_EQ(rows("SELECT count(*) FROM license_audit_events WHERE type LIKE '%.created'"),
              rows("SELECT (SELECT count(*) FROM licenses) + count(*) FROM license_assignments"));
}

TEST_F(seed_samples_test, hold_an_event_with_its_winners) {
    EXPECT_EQ(rows("SELECT r.name, r.status, r.app_manifest_version, a.manifest_version FROM rooms "
                   "r JOIN apps a USING (app_id) ORDER BY r.id"),
              "Spring raffle|completed|1.0.0|1.1.0, Summer raffle|draft|1.1.0|1.1.0");
    EXPECT_EQ(rows("SELECT p.name, p.quantity, count(w.id) FROM prizes p LEFT JOIN winners w ON "
                   "w.prize_id = p.id AND w.deleted_at IS NULL GROUP BY p.id ORDER BY p.id"),
              "Headphones|1|1, Book voucher|2|2, Mug|10|1, Bicycle|1|0");
    EXPECT_EQ(rows("SELECT string_agg(DISTINCT role::text, ' ') FROM participants"),
              "moderator organizer participant viewer");
}

TEST_F(seed_samples_test, hold_an_affiliate_whose_totals_add_up) {
    EXPECT_EQ(
        rows("SELECT affiliate_code, total_referrals, total_conversions, round("
             "pending_earnings, 3), round(approved_earnings, 3), round(paid_earnings, 3) FROM "
             "affiliates ORDER BY id"),
        "DEMO-UMA|3|2|5.998|5.998|57.600, DEMO-VIC|0|0|0.000|0.000|0.000");
    EXPECT_EQ(rows("SELECT p.status, p.amount = sum(c.amount) FROM affiliate_payouts p JOIN "
                   "affiliate_commissions c ON c.payout_id = p.id GROUP BY p.id"),
              "completed|t");
    EXPECT_EQ(rows("SELECT count(*), count(DISTINCT visitor_id), count(DISTINCT utm_source), "
                   "max(clicked_at) <= now() FROM affiliate_clicks"),
              "60|17|3|t");
}

TEST_F(seed_samples_test, hold_vouchers_whose_sessions_add_up) {
    EXPECT_EQ(rows("SELECT voucher_code, status, used_sessions, used_backup_sessions FROM vouchers "
                   "ORDER BY id"),
              "DEMO-V-1|active|3|1, DEMO-V-2|completed|20|0, DEMO-V-3|pending|0|0, "
              "DEMO-V-4|active|1|0");
    EXPECT_EQ(
        rows("SELECT count(*) FROM vouchers v WHERE used_sessions <> (SELECT count(*) FROM "
             "voucher_sessions s WHERE s.voucher_id = v.id AND kind = 'regular' AND status IN "
             "('completed', 'no_show')) OR used_backup_sessions <> (SELECT count(*) FROM "
             "voucher_sessions s WHERE s.voucher_id = v.id AND kind = 'backup')"),
        "0");
    // At a day and hour at which the type can be booked, and while the voucher is valid.
    EXPECT_EQ(rows("SELECT count(*) FROM voucher_sessions s JOIN vouchers v ON v.id = s.voucher_id "
                   "JOIN voucher_types t ON t.id = v.voucher_type_id CROSS JOIN LATERAL (SELECT "
                   "t.booking_rules -> trim(to_char(s.scheduled_start AT TIME ZONE 'UTC', 'day')) "
                   "AS day) r WHERE NOT (day ->> 'enabled')::boolean OR to_char(s.scheduled_start "
                   "AT TIME ZONE 'UTC', 'HH24:MI') < day ->> 'start_time' OR "
                   "to_char(s.scheduled_end AT TIME ZONE 'UTC', 'HH24:MI') > day ->> 'end_time' OR "
                   "s.scheduled_start < v.valid_from OR s.scheduled_end > v.valid_until OR "
                   "(s.status = 'scheduled') <> (s.scheduled_start > now())"),
              "0");
    EXPECT_EQ(rows("SELECT count(*), count(*) FILTER (WHERE t.amount = v.payment_amount) FROM "
                   "payment_transactions t JOIN vouchers v ON v.id = t.voucher_id"),
              "3|3");
    EXPECT_EQ(rows("SELECT permission, count(*) FROM permissions GROUP BY 1 ORDER BY 1"),
              "manage_users|1, manage_vouchers|2");
}

TEST_F(seed_samples_test, let_go_of_users_that_joined_the_default_organization) {
    std::string const other = private_postgres::shared().migrated_database();
    sql_session session{other, "test"};
    session.execute("INSERT INTO organizations (name, slug) VALUES ('Own', 'own');"
                    "INSERT INTO users (email, username, organization_id) VALUES ('a@b.c', 'a', "
                    "(SELECT id FROM "
                    "organizations)), ('b@b.c', 'b', NULL)");
    apply_seeds(other, {});
    EXPECT_EQ(session.query_value("SELECT count(*) FROM users WHERE organization_id IS NULL"), "0");
    EXPECT_EQ(session.query_value("SELECT o.slug FROM users u JOIN organizations o ON o.id = "
                                  "u.organization_id WHERE username = 'a'"),
              "own");
    undo_seeds(other, {});
    EXPECT_EQ(session.query_value("SELECT string_agg(username || (organization_id IS NULL), ' ' "
                                  "ORDER BY username) FROM users"),
              "afalse btrue");
}

TEST_F(seed_samples_test, are_not_undone_when_people_added_to_them) {
    std::string const database = seeded_database();
    sql_session session{database, "test"};
    for (char const* added :
         {"INSERT INTO license_assignments (license_id, user_id) SELECT id, "
          "'00000000-0000-7000-8000-000000000101' FROM licenses WHERE seats_used < seats_total "
          "LIMIT 1",
          "INSERT INTO prizes (room_id, name) SELECT id, 'Own' FROM rooms LIMIT 1",
          "INSERT INTO affiliate_referrals (affiliate_id) SELECT id FROM affiliates LIMIT 1",
          "INSERT INTO voucher_sessions (voucher_id, scheduled_start, scheduled_end) SELECT id, "
          "now(), now() + interval '1 hour' FROM vouchers LIMIT 1"}) {
        session.execute(added);
        EXPECT_THROW(undo_seeds(database, {}), std::runtime_error) << added;
        EXPECT_EQ(session.query_value("SELECT count(*) FROM licenses"), "50");
        session.execute("DELETE FROM license_assignments WHERE user_id = "
                        "'00000000-0000-7000-8000-000000000101'; DELETE FROM prizes WHERE name = "
                        "'Own'; DELETE FROM affiliate_referrals WHERE referred_email IS NULL; "
                        "DELETE FROM voucher_sessions WHERE therapist_id IS NULL");
    }
    EXPECT_NO_THROW(undo_seeds(database, {}));
}

} // namespace
} // namespace tally::storage
