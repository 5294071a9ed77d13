#include "tests/storage/effects/effects_fixture.hpp"

#include <cstdio>

namespace tally::storage {
namespace {

sql_value call(sql_session& session, usage_event const& event) {
    return session.query_value(
        "SELECT ingest.apply_event(coalesce($1::uuid, public.uuid_v7()), $2, $3, $4::timestamptz, "
        "$5::jsonb, "
        "'00000000-0000-0000-0000-0000000000aa', '00000000-0000-0000-0000-0000000000bb')",
        {event.id, event.type, event.subject, event.position, event.data});
}

std::string code_of(sql_value const& verdict) {
    return verdict ? verdict->substr(0, verdict->find(": ")) : "ok";
}

/// Rows that the running transaction has written; it may include those of recent transactions.
sql_value rows_written(sql_session& session) {
    return session.query_value("SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM "
                               "pg_stat_xact_user_tables");
}

std::string time_text(int seconds, char const* format) {
    char text[64];
    std::snprintf(text, sizeof text, format, 2 + seconds / 86'400, seconds / 3'600 % 24,
                  seconds / 60 % 60, seconds % 60);
    return text;
}

} // namespace

std::string effects_test::apply(sql_session& session, usage_event const& event, std::string& text) {
    sql_transaction transaction{session};
    sql_value const before = rows_written(session);
    sql_value const verdict = call(session, event);
    text = verdict.value_or("");
    if (verdict) {
        EXPECT_EQ(rows_written(session), before) << *verdict;
        EXPECT_NE(verdict->find(": "), std::string::npos) << *verdict;
    }
    transaction.commit();
    return code_of(verdict);
}

std::string effects_test::apply_by(sql_session& session, usage_event const& event) {
    for (;;) {
        try {
            return code_of(call(session, event));
        } catch (database_error const& error) {
            if (error.sqlstate() != "40P01") { // a deadlock: the daemon would repeat its batch
                throw;
            }
        }
    }
}

std::size_t effects_test::apply_all(std::vector<usage_event> events) {
    for (bool has_changed = true; has_changed;) {
        std::vector<usage_event> refused;
        for (usage_event const& event : events) {
            if (apply(event) != "ok") {
                refused.push_back(event);
            }
        }
        has_changed = refused.size() < events.size() && !refused.empty();
        events = std::move(refused);
    }
    return events.size();
}

std::string effects_test::at(int seconds) {
    return time_text(seconds, "2026-03-%02dT%02d:%02d:%02dZ");
}

std::string effects_test::printed(int seconds) {
    return time_text(seconds, "2026-03-%02d %02d:%02d:%02d+00");
}

} // namespace tally::storage
