#include "storage/suspense_retry.hpp"

#include "ingest/record_error.hpp"

namespace tally::storage {

namespace {

using ingest::cure;
using ingest::record_error;

// No order: what is tried leaves the set, so every row has its turn. The running sum keeps a page
// of large payloads small.
constexpr std::string_view due_rows_sql =
    ", s.payload FROM (SELECT w.id, sum(w.bytes) OVER (ORDER BY w.id) - w.bytes AS bytes_before"
    " FROM (SELECT d.id, octet_length(d.payload) AS bytes FROM ingest.suspense AS d"
    " WHERE d.state = 'waiting' AND d.next_attempt_at IS NOT NULL"
    " AND d.reason = ANY($1::text[] || $2::text[]) AND d.next_attempt_at <= now()"
    " AND (d.tried_catalog_at IS NULL OR d.tried_catalog_at < $3::timestamptz"
    "  OR d.reason = ANY($2::text[])) LIMIT $4::integer) AS w) AS p"
    " JOIN ingest.suspense AS s ON s.id = p.id JOIN ingest.sources AS o ON o.id = s.source_id"
    " WHERE p.bytes_before < 1048576 ORDER BY s.id";

constexpr std::string_view failed_sql =
    "UPDATE ingest.suspense AS s SET attempts = s.attempts + 1, reason = d.reason,"
    " detail = nullif(d.detail, '')";
constexpr std::string_view automatic_sql =
    ", auto_attempts = s.auto_attempts + 1, tried_catalog_at = $4::timestamptz,"
    " next_attempt_at = CASE WHEN s.auto_attempts + 1 < $5::integer THEN clock_timestamp() +"
    " least(interval '15 seconds' * 2 ^ least(s.auto_attempts, 12), interval '1 day') END";
constexpr std::string_view which_sql =
    " FROM unnest($1::uuid[], $2::text[], $3::text[]) AS d(id, reason, detail)"
    " WHERE s.id = d.id AND s.state = 'waiting'";

void fill(array_parameter& to, cure wanted) {
    for (std::size_t i = 0; i < static_cast<std::size_t>(record_error::count_); ++i) {
        auto const reason = static_cast<record_error>(i);
        if (ingest::cure_of(reason) == wanted) {
            to.add_bytes(ingest::code(reason));
        }
    }
}

} // namespace

std::vector<std::string> curable_reasons() {
    std::vector<std::string> codes;
    for (std::size_t i = 0; i < static_cast<std::size_t>(record_error::count_); ++i) {
        auto const reason = static_cast<record_error>(i);
        if (ingest::cure_of(reason) != cure::by_hand) {
            codes.emplace_back(ingest::code(reason));
        }
    }
    return codes;
}

result next_due(pq_connection& on, automatic_attempts const& how, std::int32_t rows_max,
                std::vector<suspense_record>& out) {
    out.clear();
    array_parameter by_catalog{wire::text_oid};
    array_parameter by_clock{wire::text_oid};
    fill(by_catalog, cure::catalog);
    fill(by_clock, cure::elsewhere);
    parameters values;
    values.add(by_catalog).add(by_clock).add_time(how.catalog_at).add_int32(rows_max);
    pq_rows rows;
    result said = on.query(std::string{"SELECT "}.append(suspense_columns).append(due_rows_sql),
                           values, rows);
    if (said.ok()) {
        take_suspense(rows, out);
    }
    return said;
}

result record_failures(pq_connection& on, std::span<failed_retry const> failures,
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
    std::string sql{failed_sql};
    if (automatic != nullptr) {
        values.add_time(automatic->catalog_at).add_int32(automatic->attempts_max);
        sql += automatic_sql;
    }
    pq_rows ignored;
    return on.query(sql.append(which_sql), values, ignored);
}

result waiting_by_reason(pq_connection& on, std::vector<waiting_reason>& out) {
    out.clear();
    pq_rows rows;
    parameters none;
    // Of the index alone, where VACUUM has been.
    result said = on.query("SELECT reason, count(*), min(received_at) FROM ingest.suspense"
                           " WHERE state = 'waiting' GROUP BY reason ORDER BY reason",
                           none, rows);
    for (int i = 0; said.ok() && i < row_count(rows); ++i) {
        out.push_back({std::string{bytes_at(rows, i, 0)}, int64_at(rows, i, 1),
                       time_at(rows, i, 2, ingest::never_us)});
    }
    return said;
}

result take_turn(pq_connection& on, bool& is_ours) {
    pq_rows rows;
    parameters none;
    result said =
        on.query("SELECT pg_try_advisory_lock(hashtextextended('tallyd suspense', 0))", none, rows);
    is_ours = said.ok() && bool_at(rows, 0, 0);
    return said;
}

} // namespace tally::storage
