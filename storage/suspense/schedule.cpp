#include "storage/suspense/schedule.hpp"

#include "ingest/base/record_error.hpp"

namespace tally::storage {

namespace {

using ingest::record_error;
using ingest::retry_trigger;

// Three ranges of one index. A million rows that are not due, because they were tried with the
// present catalog, cost a scan of their index entries only. There is no ORDER BY: a row that was
// tried leaves the set, so every row is tried in time.
constexpr char const* due_sql =
    "SELECT id FROM ingest.suspense WHERE state = 'waiting' AND next_attempt_at <= now()"
    " AND reason = ANY($1::text[]) AND tried_catalog_at IS NULL"
    " UNION ALL SELECT id FROM ingest.suspense WHERE state = 'waiting'"
    " AND next_attempt_at <= now() AND reason = ANY($1::text[])"
    " AND tried_catalog_at < $3::timestamptz"
    " UNION ALL SELECT id FROM ingest.suspense WHERE state = 'waiting'"
    " AND next_attempt_at <= now() AND reason = ANY($2::text[]) LIMIT $4::integer";

constexpr std::string_view failed_sql =
    "UPDATE ingest.suspense AS s SET attempts = s.attempts + 1, reason = d.reason,"
    " detail = nullif(d.detail, '')";

// The pause doubles with each attempt, from 15 seconds to a day. After the last attempt there is no
// next time (NULL), and only an operator can retry.
constexpr std::string_view automatic_sql =
    ", auto_attempts = s.auto_attempts + 1, tried_catalog_at = $4::timestamptz,"
    " next_attempt_at = CASE WHEN s.auto_attempts + 1 < $5::integer THEN clock_timestamp() +"
    " least(interval '15 seconds' * 2 ^ least(s.auto_attempts, 12), interval '1 day') END";
// Only rows that still wait: another session may have stored the record meanwhile (R16).
constexpr std::string_view which_sql =
    " FROM unnest($1::uuid[], $2::text[], $3::text[]) AS d(id, reason, detail)"
    " WHERE s.id = d.id AND s.state = 'waiting'";

void fill(array_parameter& parameters, retry_trigger wanted) {
    // By the table of reasons, so that a new reason needs no change here.
    for (std::size_t i = 0; i < static_cast<std::size_t>(record_error::count_); ++i) {
        auto const reason = static_cast<record_error>(i);
        if (ingest::retry_trigger_of(reason) == wanted) {
            parameters.add_bytes(ingest::code(reason));
        }
    }
}

} // namespace

std::vector<std::string> curable_reasons() {
    std::vector<std::string> codes;
    for (std::size_t i = 0; i < static_cast<std::size_t>(record_error::count_); ++i) {
        auto const reason = static_cast<record_error>(i);
        if (ingest::retry_trigger_of(reason) != retry_trigger::by_hand) {
            codes.emplace_back(ingest::code(reason));
        }
    }
    return codes;
}

pq_connection::limits due_limits() {
    pq_connection::limits bounds;
    bounds.locks_in_order = true; // without sequential scans the server must use the index
    return bounds;
}

expected<std::vector<ingest::uuid>>
find_due(pq_connection& connection, automatic_attempts const& options, std::int32_t ids_max) {
    // Reasons that a change of the catalog may resolve are tried once per catalog, the others by
    // the clock.
    array_parameter by_catalog{wire::text_oid};
    array_parameter by_clock{wire::text_oid};
    fill(by_catalog, retry_trigger::catalog);
    fill(by_clock, retry_trigger::elsewhere);
    parameters values;
    values.add(by_catalog).add(by_clock).add_time(options.catalog_at).add_int32(ids_max);
    pq_rows rows;
    result status = connection.query(due_sql, values, rows);
    if (!status.ok()) {
        return status;
    }

    std::vector<ingest::uuid> ids;
    for (int i = 0; i < row_count(rows); ++i) {
        ids.push_back(uuid_at(rows, i, 0));
    }
    return ids;
}

result record_failures(pq_connection& connection, std::span<failed_retry const> failures,
                       automatic_attempts const* automatic) {
    if (failures.empty()) {
        return {};
    }
    array_parameter id{wire::uuid_oid};
    array_parameter reason{wire::text_oid};
    array_parameter detail{wire::text_oid};
    for (auto const& each : failures) {
        id.add(each.id);
        reason.add_bytes(each.reason);
        detail.add_bytes(each.detail);
    }

    parameters values;
    values.add(id).add(reason).add(detail);

    // An attempt by hand does not count among the automatic ones.
    std::string sql{failed_sql};
    if (automatic != nullptr) {
        values.add_time(automatic->catalog_at).add_int32(automatic->attempts_max);
        sql += automatic_sql;
    }
    pq_rows ignored;
    return connection.query(sql.append(which_sql), values, ignored);
}

expected<std::vector<waiting_reason>> waiting_by_reason(pq_connection& connection) {
    pq_rows rows;
    parameters none;
    // An index-only scan, for pages that VACUUM has visited.
    result status =
        connection.query("SELECT reason, count(*), min(received_at) FROM ingest.suspense"
                         " WHERE state = 'waiting' GROUP BY reason ORDER BY reason",
                         none, rows);
    if (!status.ok()) {
        return status;
    }

    std::vector<waiting_reason> reasons;
    for (int i = 0; i < row_count(rows); ++i) {
        reasons.push_back({std::string{bytes_at(rows, i, 0)}, int64_at(rows, i, 1),
                           time_at(rows, i, 2, ingest::never_us)});
    }
    return reasons;
}

expected<bool> try_become_leader(pq_connection& connection) {
    // A session lock, which the server releases when the daemon dies: another one then takes over.
    pq_rows rows;
    parameters none;
    result status = connection.query(
        "SELECT pg_try_advisory_lock(hashtextextended('tallyd suspense', 0))", none, rows);
    return status.ok() ? expected{bool_at(rows, 0, 0)} : status;
}

} // namespace tally::storage
