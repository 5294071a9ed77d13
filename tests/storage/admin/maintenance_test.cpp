#include "storage/admin/maintenance.hpp"

#include "storage/admin/import_totals.hpp"
#include "storage/partitions/upkeep.hpp"
#include "storage/postgres/database_error.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <thread>

// The jobs of tallyd maintain, on a small telecom.

namespace {

using namespace tally;
using namespace tally::tests;
using storage::import_counts;
using storage::maintenance_options;
using storage::maintenance_report;
using storage::scheduled_outcome;
using testing::ElementsAre;
using testing::IsEmpty;

using cells = std::vector<std::string>;

constexpr ingest::time_us now = 1'777'888'800LL * ingest::us_per_s; // 2026-05-04 10:00 UTC
constexpr ingest::time_us hour = 3'600 * ingest::us_per_s;

class maintenance : public testing::Test {
  protected:
    void SetUp() override {
        database = private_postgres::shared().migrated_database();
        make_telecom(database, 4);
        connection = connect();
    }

    std::unique_ptr<storage::pq_connection> connect() const {
        return std::make_unique<storage::pq_connection>(
            database, "tallyd test", std::span<storage::prepared_statement const>{},
            storage::upkeep_limits);
    }
    static maintenance_options at(ingest::time_us when, bool dry_run = false) {
        return {.now = when, .dry_run = dry_run, .partitions = {}, .seal_after_hours = 72};
    }
    maintenance_report run(std::string_view name, bool dry_run = false) {
        maintenance_report report;
        auto const* job = storage::find_maintenance_job(name);
        auto const status = run_job(*connection, *job, at(now, dry_run), report);
        EXPECT_TRUE(status.ok()) << name << ": " << status.detail;
        return report;
    }
    scheduled_outcome run_scheduled(storage::pq_connection& with, ingest::time_us due) {
        maintenance_report report;
        auto const* job = storage::find_maintenance_job("cleanup-tokens");
        return check(run_scheduled_job(with, *job, due, at(due), report));
    }
    [[nodiscard]] std::string ask(std::string_view sql) const { return query_one(database, sql); }

    std::string database;
    std::unique_ptr<storage::pq_connection> connection;
};

class logins : public maintenance {
  protected:
    void SetUp() override {
        maintenance::SetUp();
        execute(database, R"(
INSERT INTO identity.users (id, email, username)
VALUES ('00000000-0000-7000-8000-00000000abcd', 'a@b.c', 'somebody');
INSERT INTO identity.token_blacklist (token_hash, expires_at, user_id)
SELECT 'h' || i, '2026-05-04 10:00Z'::timestamptz + make_interval(hours => i),
    '00000000-0000-7000-8000-00000000abcd' FROM generate_series(-3, 2) AS i;
INSERT INTO identity.sessions (user_id, refresh_token, expires_at, last_used_at)
SELECT '00000000-0000-7000-8000-00000000abcd', 's' || i,
    '2026-05-04 10:00Z'::timestamptz + make_interval(hours => i),
    '2026-05-04 10:00Z'::timestamptz - make_interval(days => 88 + i)
FROM generate_series(-1, 4) AS i;
INSERT INTO identity.refresh_tokens (id, user_id, token, expires_at, revoked_at, replaced_by_id)
VALUES ('00000000-0000-7000-8000-0000000000b1', '00000000-0000-7000-8000-00000000abcd', 'new',
    '2026-05-04 09:00Z', NULL, NULL),
    ('00000000-0000-7000-8000-0000000000b2', '00000000-0000-7000-8000-00000000abcd', 'old',
    '2026-05-04 11:00Z', '2026-05-04 09:00Z', '00000000-0000-7000-8000-0000000000b1');
)");
    }
};

TEST_F(logins, expired_tokens_are_deleted_and_no_others) {
    EXPECT_THAT(run("cleanup-tokens", true).rows,
                ElementsAre(cells{"expired blacklist entries", "3"},
                            cells{"expired refresh tokens", "1"}, cells{"expired sessions", "1"}));
    EXPECT_EQ(ask("SELECT count(*) FROM identity.token_blacklist"), "6");
    EXPECT_EQ(run("cleanup-tokens").changed, 5);
    EXPECT_EQ(ask("SELECT string_agg(token_hash, ' ' ORDER BY expires_at) FROM token_blacklist"),
              "h0 h1 h2");
    EXPECT_EQ(ask("SELECT string_agg(token, ' ') FROM refresh_tokens"), "old");
    EXPECT_EQ(ask("SELECT count(*) FROM sessions"), "5");
    EXPECT_EQ(run("cleanup-tokens").changed, 0);
}

TEST_F(logins, sessions_that_nobody_uses_are_deleted) {
    EXPECT_EQ(run("cleanup-sessions", true).changed, 2); // a session of exactly 90 days stays
    EXPECT_EQ(run("cleanup-sessions").changed, 2);
    EXPECT_EQ(ask("SELECT string_agg(refresh_token, ' ' ORDER BY 1) FROM sessions"),
              "s-1 s0 s1 s2");
    EXPECT_EQ(run("cleanup-sessions").changed, 0);
}

TEST_F(logins, many_rows_are_deleted_in_batches_past_one_that_is_held) {
    execute(database, "INSERT INTO identity.token_blacklist (token_hash, expires_at, user_id)"
                      " SELECT 'x' || i, '2026-01-01Z', gen_random_uuid()"
                      " FROM generate_series(1, 12001) AS i");
    storage::pq_connection other{database, "tallyd test other"};
    ASSERT_TRUE(other
                    .execute("BEGIN; SELECT FROM identity.token_blacklist"
                             " WHERE token_hash = 'x7' FOR UPDATE")
                    .ok());
    EXPECT_EQ(run("cleanup-tokens").changed, 12'000 + 5);
    ASSERT_TRUE(other.execute("COMMIT").ok());
    EXPECT_EQ(run("cleanup-tokens").changed, 1);
}

TEST_F(logins, one_session_at_a_time_does_a_job) {
    std::array<maintenance_report, 4> reports;
    {
        std::vector<std::jthread> threads;
        for (auto& report : reports) {
            threads.emplace_back([this, &report] {
                auto const mine = connect();
                auto const status = run_job(*mine, *storage::find_maintenance_job("cleanup-tokens"),
                                            at(now), report);
                EXPECT_TRUE(status.ok()) << status.detail;
            });
        }
    }
    std::int64_t changed = 0;
    for (auto const& report : reports) {
        changed += report.changed;
        EXPECT_TRUE(!report.is_busy || report.changed == 0);
    }
    EXPECT_EQ(changed, 5);
}

TEST_F(logins, a_scheduled_run_is_done_once_by_whoever_comes_first) {
    auto const other = connect();
    EXPECT_EQ(run_scheduled(*connection, now), scheduled_outcome::done);
    EXPECT_EQ(run_scheduled(*other, now), scheduled_outcome::done_before);
    EXPECT_EQ(run_scheduled(*connection, now - hour), scheduled_outcome::done_before);
    EXPECT_EQ(query_rows(database, "SELECT job, due_at, rows_changed, finished_at >= began_at"
                                   " FROM ingest.maintenance_runs"),
              std::vector<std::string>{"cleanup-tokens|2026-05-04 10:00:00+00|5|t"});
    EXPECT_EQ(run_scheduled(*other, now + 24 * hour), scheduled_outcome::done);
    EXPECT_EQ(ask("SELECT count(*) FROM token_blacklist"), "0");
}

TEST_F(logins, of_many_daemons_one_does_a_scheduled_run) {
    std::array<scheduled_outcome, 4> outcomes{};
    {
        std::vector<std::jthread> threads;
        for (auto& outcome : outcomes) {
            threads.emplace_back([this, &outcome] {
                auto const mine = connect();
                outcome = run_scheduled(*mine, now);
            });
        }
    }
    EXPECT_EQ(std::count(outcomes.begin(), outcomes.end(), scheduled_outcome::done), 1);
}

TEST_F(logins, a_run_that_failed_stays_due) {
    execute(database, "ALTER TABLE identity.sessions RENAME TO sessions_away");
    maintenance_report report;
    auto const* job = storage::find_maintenance_job("cleanup-tokens");
    EXPECT_FALSE(run_scheduled_job(*connection, *job, now, at(now), report).ok());
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.maintenance_runs"), "0");
    execute(database, "ALTER TABLE identity.sessions_away RENAME TO sessions");
    EXPECT_EQ(run_scheduled(*connection, now), scheduled_outcome::done);
}

TEST_F(maintenance, subscriptions_expire_when_their_trial_or_paid_period_is_over) {
    execute(database, R"(
UPDATE subscriptions SET status = 'trialing', trial_ends_at = '2026-05-04 09:00Z',
    current_period_start = '2026-05-01Z', current_period_end = '2026-06-01Z'
    WHERE subscription_number = 'SUB-1';
UPDATE subscriptions SET status = 'trialing', trial_ends_at = '2026-05-04 11:00Z'
    WHERE subscription_number = 'SUB-2';
UPDATE subscriptions SET status = 'canceled', cancel_at_period_end = true,
    current_period_end = '2026-05-04 08:00Z' WHERE subscription_number = 'SUB-3';
UPDATE subscriptions SET status = 'canceled', cancel_at_period_end = false,
    current_period_end = '2026-05-04 08:00Z' WHERE subscription_number = 'SUB-4';
)");
    EXPECT_THAT(run("expire-subscriptions", true).rows,
                ElementsAre(cells{"trials that are over", "1"},
                            cells{"canceled subscriptions at their period's end", "1"}));
    EXPECT_EQ(run("expire-subscriptions").changed, 2);
    EXPECT_THAT(query_rows(database, "SELECT subscription_number, status, ended_at FROM"
                                     " subscriptions ORDER BY 1"),
                ElementsAre("SUB-1|expired|2026-05-04 09:00:00+00", "SUB-2|trialing|",
                            "SUB-3|expired|2026-05-04 08:00:00+00", "SUB-4|canceled|"));
    EXPECT_EQ(run("expire-subscriptions").changed, 0);
}

TEST_F(maintenance, trials_that_end_soon_are_listed_with_their_customer) {
    execute(database, R"(
UPDATE subscriptions SET status = 'trialing', trial_ends_at = '2026-05-07 09:59Z'
    WHERE subscription_number = 'SUB-1';
UPDATE subscriptions SET status = 'trialing', trial_ends_at = '2026-05-04 12:00Z'
    WHERE subscription_number = 'SUB-2';
UPDATE subscriptions SET status = 'trialing', trial_ends_at = '2026-05-07 10:01Z'
    WHERE subscription_number = 'SUB-3';
UPDATE customers SET company_name = 'Example Ltd';
)");
    EXPECT_THAT(run("expiring-trials").rows,
                ElementsAre(cells{"SUB-2", "Example Ltd", "Basic", "2026-05-04 12:00:00"},
                            cells{"SUB-1", "Example Ltd", "Basic", "2026-05-07 09:59:00"}));
}

TEST_F(maintenance, partitions_are_made_sealed_and_reported) {
    execute(database, "SELECT ingest.create_partition('billing.cdrs', '2026-04-20Z');"
                      "UPDATE ingest.partitions SET created_at = lower_bound");
    auto const planned = run("partitions", true).rows;
    EXPECT_THAT(planned,
                testing::IsSupersetOf({cells{"billing.cdrs_p20260504", "created", ""},
                                       cells{"billing.cdrs_p20260420", "sealed", ""},
                                       cells{"analytics.usage_events_p20260511", "created", ""},
                                       cells{"identity.audit_logs_p202606", "created", ""}}));
    EXPECT_EQ(ask("SELECT to_regclass('billing.cdrs_p20260504') IS NULL"), "t");
    EXPECT_EQ(run("partitions").rows, planned);
    EXPECT_THAT(run("partitions").rows, IsEmpty());
}

TEST_F(maintenance, a_partition_that_fails_is_counted) {
    execute(database, "SELECT ingest.create_partition('billing.cdrs', '2026-04-20Z');"
                      "UPDATE ingest.partitions SET created_at = lower_bound;"
                      "UPDATE ingest.partitioned_tables SET sealed_indexes = '{no_such_column}'"
                      " WHERE table_name = 'billing.cdrs'");
    EXPECT_EQ(run("partitions").failures, 1);
}

// The batch rows of an import tell which calls came from it, and its totals are their sums.
TEST_F(maintenance, rows_of_old_batches_go_but_for_those_of_imports) {
    execute(database, R"(
INSERT INTO ingest.imports (id, file_name, format, source_id)
SELECT '00000000-0000-7000-8000-00000000abcd', 'old.csv', 'asterisk', id FROM ingest.sources;
INSERT INTO ingest.batches (id, daemon_id, lane, import_id, received, committed, duplicate,
    suspended, bytes, cost, opened_at, created_at)
SELECT gen_random_uuid(), gen_random_uuid(), 0, CASE WHEN i % 1000 = 0 THEN
    '00000000-0000-7000-8000-00000000abcd'::uuid END, 3, 2, 0, 1, 9, 1, now(),
    '2026-05-04 10:00Z'::timestamptz - make_interval(days => 7, secs => 12000 - i)
FROM generate_series(0, 12005) AS i;
)");
    EXPECT_THAT(run("batches", true).rows,
                ElementsAre(cells{"batches older than 7 days", "11988"})); // exactly 7 days stay
    EXPECT_EQ(ask("SELECT count(*) FROM ingest.batches"), "12006");
    EXPECT_EQ(run("batches").changed, 11'988);
    EXPECT_EQ(run("batches").changed, 0);
    EXPECT_EQ(ask("SELECT count(*) || ' ' || count(import_id) FROM ingest.batches"), "18 13");
    auto const id = *ingest::parse_uuid("00000000-0000-7000-8000-00000000abcd");
    auto const stored = storage::stored_by_import(*connection, id);
    EXPECT_EQ(stored.committed, 26);
    EXPECT_EQ(stored.suspended, 13);
}

TEST_F(maintenance, rows_of_batches_are_kept_as_long_as_the_settings_say) {
    execute(database, R"(
INSERT INTO ingest.batches (id, daemon_id, lane, received, committed, duplicate, suspended, bytes,
    cost, opened_at, created_at)
SELECT gen_random_uuid(), gen_random_uuid(), i, 1, 1, 0, 0, 9, 1, now(),
    '2026-05-04 10:00Z'::timestamptz - make_interval(hours => 24 * i)
FROM generate_series(0, 9) AS i;
INSERT INTO ingest.batches (id, daemon_id, lane, received, committed, duplicate, suspended, bytes,
    cost, opened_at, created_at)
SELECT gen_random_uuid(), gen_random_uuid(), 77, 1, 1, 0, 0, 9, 1, now(), now();
)");
    maintenance_report report;
    auto options = at(now);
    options.batches_kept_days = 3;
    ASSERT_TRUE(
        run_job(*connection, *storage::find_maintenance_job("batches"), options, report).ok());
    EXPECT_EQ(ask("SELECT string_agg(lane::text, ' ' ORDER BY lane) FROM ingest.batches"),
              "0 1 2 3 77");
    options.now += 36'525 * 24 * hour; // the clock is a century ahead
    ASSERT_TRUE(
        run_job(*connection, *storage::find_maintenance_job("batches"), options, report).ok());
    EXPECT_EQ(ask("SELECT string_agg(lane::text, ' ' ORDER BY lane) FROM ingest.batches"), "77");
}

TEST_F(maintenance, months_are_rolled_up_from_days) {
    execute(database, "INSERT INTO analytics.usage_aggregates_daily SELECT id,"
                      " gen_random_uuid(), '2026-05-04', 'calls', 2, 60, 60, 1.5, 'INR', now(),"
                      " now() FROM billing.accounts WHERE account_number = 'ACC-1';"
                      "INSERT INTO analytics.changed_days (day) VALUES ('2026-05-04')");
    EXPECT_EQ(run("rollup", true).changed, 1);
    EXPECT_EQ(run("rollup").changed, 1);
    EXPECT_EQ(ask("SELECT sum(cost) FROM analytics.usage_aggregates_monthly"), "1.500000000");
    EXPECT_EQ(run("rollup").changed, 0);
}

TEST(maintenance_jobs, have_names_and_help) {
    for (auto const& job : storage::maintenance_jobs()) {
        EXPECT_EQ(storage::find_maintenance_job(job.name), &job);
        EXPECT_FALSE(job.help.empty()) << job.name;
    }
    EXPECT_EQ(storage::find_maintenance_job("sweep"), nullptr);
}

} // namespace
