#include "ingest/base/record_error.hpp"
#include "storage/postgres/database_error.hpp"
#include "storage/suspense/schedule.hpp"
#include "tests/support/billing_fixture.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

// Finding and closing rows of ingest.suspense, and which are due, with a real server.

namespace tally::storage {
namespace {

using ::testing::IsEmpty;
using tests::execute;
using tests::query_one;

/// "01999999-0000-7000-8000-00000000000N"
std::string id_text(int n) {
    char text[37];
    std::snprintf(text, sizeof text, "01999999-0000-7000-8000-%012d", n);
    return text;
}

class suspense : public ::testing::Test {
  protected:
    /// Received n minutes after midnight.
    void add(int n, std::string const& reason, std::string const& format = "canonical",
             std::size_t bytes = 3) const {
        execute(connection_,
                "INSERT INTO ingest.suspense (id, reason, source_id, format, payload,"
                " payload_sha256, received_at) SELECT '" +
                    id_text(n) + "', '" + reason + "', id, '" + format +
                    "', convert_to(repeat('x', " + std::to_string(bytes) +
                    "), 'UTF8'), sha256('row " + std::to_string(n) +
                    "'), '2026-05-04T00:00:00Z'::timestamptz + interval '1 minute' * " +
                    std::to_string(n) + " FROM ingest.sources WHERE name = 'local'");
    }
    std::string one(std::string_view sql) const { return query_one(connection_, sql); }
    /// Last digits of the ids that a filter selects, in order.
    std::string listed(suspense_filter const& which, std::int32_t limit = 100) {
        return digits(check(list_suspense(link_, which, limit)));
    }
    static std::string digits(std::vector<suspense_record> const& rows) {
        std::string text;
        for (auto const& row : rows) {
            text += ingest::to_string(row.id).back();
        }
        return text;
    }
    std::string due(ingest::time_us catalog_at = INT64_MAX, std::int32_t rows_max = 100) {
        auto ids = check(find_due(link_, {catalog_at, 3}, rows_max));
        std::sort(ids.begin(), ids.end());
        std::string text;
        for (auto const& id : ids) {
            text += ingest::to_string(id).back();
        }
        return text;
    }
    void fail(int n, std::string const& reason, automatic_attempts const* automatic) {
        failed_retry const failure{*ingest::parse_uuid(id_text(n)), reason, "still"};
        auto const outcome = record_failures(link_, {&failure, 1}, automatic);
        EXPECT_TRUE(outcome.ok()) << outcome.detail;
    }

    std::string connection_ = tests::private_postgres::shared().migrated_database();
    pq_connection link_{connection_, "test suspense"};
};

TEST_F(suspense, is_found_by_reason_format_time_state_and_id) {
    add(1, "no_rate");
    add(2, "unknown_number", "asterisk");
    add(3, "unknown_number");
    execute(connection_, "UPDATE ingest.suspense SET state = 'resolved', resolved_at = now()"
                         " WHERE reason = 'no_rate'");
    EXPECT_EQ(listed({}), "321");
    EXPECT_EQ(listed({}, 2), "32");
    suspense_filter by_format;
    by_format.reasons = {"unknown_number", "no_rate"};
    by_format.format = "asterisk";
    EXPECT_EQ(listed(by_format), "2");
    suspense_filter by_state;
    by_state.state = "waiting";
    EXPECT_EQ(listed(by_state), "32");
    suspense_filter by_id;
    by_id.ids = {*ingest::parse_uuid(id_text(1)), *ingest::parse_uuid(id_text(3))};
    EXPECT_EQ(listed(by_id), "31");
    constexpr ingest::time_us midnight = 1'777'852'800LL * ingest::us_per_s;
    suspense_filter by_time;
    by_time.since = midnight + 120 * ingest::us_per_s;
    by_time.until = midnight + 180 * ingest::us_per_s;
    EXPECT_EQ(listed(by_time), "2");
    suspense_filter by_source;
    by_source.source_id = ingest::uuid_v7();
    EXPECT_EQ(listed(by_source), "");
}

TEST_F(suspense, is_summed_up_with_the_most_first) {
    add(1, "no_rate");
    add(2, "unknown_number", "canonical", 10);
    add(3, "unknown_number", "canonical", 20);
    auto const groups = check(summarize_suspense(link_, {}));
    ASSERT_EQ(groups.size(), 2U);
    EXPECT_EQ(groups[0].reason, "unknown_number");
    EXPECT_EQ(groups[0].source, "local");
    EXPECT_EQ(groups[0].records, 2);
    EXPECT_EQ(groups[0].bytes, 30);
    EXPECT_EQ(groups[0].newest - groups[0].oldest, 60 * ingest::us_per_s);
    EXPECT_EQ(check(count_suspense(link_, {})), 3);
    auto const reasons = check(waiting_by_reason(link_));
    ASSERT_EQ(reasons.size(), 2U);
    EXPECT_EQ(reasons[1].records, 2);
    EXPECT_EQ(reasons[1].oldest, groups[0].oldest);
}

TEST_F(suspense, is_read_in_pages_that_stay_small_whatever_records_weigh) {
    for (int n = 1; n <= 5; ++n) {
        add(n, "no_rate", "canonical", 600'000);
    }
    std::vector<suspense_record> rows;
    ingest::uuid after;
    std::string pages;
    do {
        ASSERT_TRUE(next_suspense(link_, {}, after, rows).ok());
        pages += digits(rows) + " ";
        after = rows.empty() ? after : rows.back().id;
    } while (!rows.empty());
    EXPECT_EQ(pages, "12 34 5  ");
}

TEST_F(suspense, is_found_by_what_an_id_begins_with) {
    add(1, "no_rate");
    add(12, "no_rate");
    auto const find = [this](std::string_view prefix) {
        return check(find_suspense(link_, prefix));
    };
    auto const rows = find(id_text(1));
    ASSERT_EQ(rows.size(), 1U);
    EXPECT_EQ(rows[0].payload, "xxx");
    EXPECT_EQ(digits(find("01999999-0000-7000-8000-00000000001")), "2");
    EXPECT_EQ(find("01999999").size(), 2U);
    EXPECT_THAT(find("02"), IsEmpty());
    EXPECT_EQ(find_suspense(link_, "").status().reason, failure::bad_data);
    EXPECT_EQ(find_suspense(link_, "01%").status().reason, failure::bad_data);
}

TEST_F(suspense, is_discarded_with_a_reason_and_restored) {
    execute(connection_,
            "INSERT INTO ingest.suspense (reason, source_id, format, payload, payload_sha256,"
            " received_at) SELECT 'no_rate', id, 'x', '', sha256(n::text::bytea), now()"
            " FROM generate_series(1, 6000) AS n, ingest.sources");
    add(1, "unknown_number");
    std::int64_t count = 0;
    suspense_filter which;
    which.reasons = {"no_rate"};
    ASSERT_TRUE(discard_suspense(link_, which, {"ann", "tests"}, count).ok());
    EXPECT_EQ(count, 6000);
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense WHERE state = 'discarded' AND resolved_at"
                  " IS NOT NULL AND resolved_by = 'ann' AND resolution = 'tests'"),
              "6000");
    ASSERT_TRUE(discard_suspense(link_, which, {"ann", "tests"}, count).ok());
    EXPECT_EQ(count, 0);
    ASSERT_TRUE(restore_suspense(link_, which, count).ok());
    EXPECT_EQ(count, 6000);
    EXPECT_EQ(one("SELECT count(*) FROM ingest.suspense WHERE state = 'waiting' AND resolved_by"
                  " IS NULL AND resolution IS NULL"),
              "6001");
}

TEST_F(suspense, is_due_for_reasons_that_go_away_and_once_a_catalog) {
    add(1, "unknown_number");
    add(2, "database_refused");
    add(3, "not_enough_credits");
    add(4, "no_rate");
    execute(connection_, "UPDATE ingest.suspense SET state = 'resolved', resolved_at = now()"
                         " WHERE reason = 'no_rate'");
    EXPECT_EQ(due(), "13");
    EXPECT_EQ(due(INT64_MAX, 1).size(), 1U);
    automatic_attempts const position{1'777'852'800LL * ingest::us_per_s, 3};
    fail(1, "unknown_number", &position);
    fail(3, "not_enough_credits", &position);
    EXPECT_EQ(due(), "") << "not so soon";
    execute(connection_, "UPDATE ingest.suspense SET next_attempt_at = now()");
    EXPECT_EQ(due(position.catalog_at), "3")
        << "no other catalog, but other tables may have changed";
    EXPECT_EQ(due(position.catalog_at + 1), "13");
}

TEST_F(suspense, is_tried_ever_more_rarely_and_then_no_more) {
    add(1, "unknown_number");
    automatic_attempts const position{1, 16};
    auto const wait = "SELECT round(extract(epoch FROM next_attempt_at - clock_timestamp()))"
                      " FROM ingest.suspense";
    fail(1, "unknown_number", &position);
    EXPECT_EQ(one(wait), "15");
    fail(1, "unknown_number", &position);
    EXPECT_EQ(one(wait), "30");
    execute(connection_, "UPDATE ingest.suspense SET auto_attempts = 14");
    fail(1, "no_rate", &position);
    EXPECT_NEAR(std::stod(one(wait)), 61'440, 2);
    fail(1, "no_rate", &position);
    EXPECT_EQ(one("SELECT reason || attempts || ' ' || auto_attempts || detail ||"
                  " (next_attempt_at IS NULL) FROM ingest.suspense"),
              "no_rate5 16stilltrue");
    EXPECT_EQ(due(), "");
    fail(1, "no_rate", nullptr); // an operator's attempt does not count
    EXPECT_EQ(one("SELECT attempts || ' ' || auto_attempts FROM ingest.suspense"), "6 16");
}

TEST_F(suspense, is_one_daemons_turn_until_its_session_ends) {
    EXPECT_TRUE(check(try_become_leader(link_)));
    pq_connection other{connection_, "another"};
    EXPECT_FALSE(check(try_become_leader(other)));
    link_.close();
    bool is_ours = false;
    for (int i = 0; i < 500 && !is_ours; ++i) { // the server notices it a little later
        is_ours = check(try_become_leader(other));
    }
    EXPECT_TRUE(is_ours);
}

TEST_F(suspense, heals_by_what_the_reason_says) {
    EXPECT_THAT(curable_reasons(), ::testing::IsSupersetOf(
                                       {"unknown_account", "unknown_subscription", "unknown_number",
                                        "no_active_subscription", "no_rate", "refused_together"}));
    EXPECT_THAT(curable_reasons(), ::testing::Not(::testing::Contains("conflict")));
}

} // namespace
} // namespace tally::storage
