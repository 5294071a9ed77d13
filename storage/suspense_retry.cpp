#include "storage/suspense_retry.hpp"

#include <array>

namespace tally::storage {

namespace {

using ingest::record_error;

constexpr std::array reasons{record_error::unknown_account, record_error::unknown_subscription,
                             record_error::unknown_number,  record_error::no_active_subscription,
                             record_error::no_rate,         record_error::amount_overflow};

// Rows while their payloads are small: the running sum stops behind the first megabyte.
constexpr char const* next_sql =
    "SELECT s.id, s.reason, s.source_id, s.format, s.payload"
    " FROM (SELECT w.id, sum(w.bytes) OVER (ORDER BY w.id) - w.bytes AS bytes_before"
    "  FROM (SELECT id, octet_length(payload) AS bytes FROM ingest.suspense"
    "   WHERE state = 'waiting' AND reason = ANY($1::text[]) AND id > $2::uuid"
    "   ORDER BY id LIMIT 1000) AS w) AS p"
    " JOIN ingest.suspense AS s ON s.id = p.id"
    " WHERE p.bytes_before < 1048576 ORDER BY s.id";

void fill(array_parameter& to, std::span<record_error const> wanted) {
    for (auto const reason : wanted) {
        to.add_bytes(ingest::code(reason));
    }
}

} // namespace

std::span<record_error const> reasons_to_retry() noexcept {
    return reasons;
}

result count_waiting(pq_connection& on, std::span<record_error const> wanted, std::int64_t& out) {
    array_parameter codes{wire::text_oid};
    fill(codes, wanted);
    parameters values;
    values.add(codes);
    pq_rows rows;
    result said = on.query("SELECT count(*) FROM ingest.suspense WHERE state = 'waiting'"
                           " AND reason = ANY($1::text[])",
                           values, rows);
    out = said.ok() ? int64_at(rows, 0, 0) : 0;
    return said;
}

result next_waiting(pq_connection& on, std::span<record_error const> wanted,
                    ingest::uuid const& after, std::vector<waiting_record>& out) {
    out.clear();
    array_parameter codes{wire::text_oid};
    fill(codes, wanted);
    parameters values;
    values.add(codes).add(after);
    pq_rows rows;
    result said = on.query(next_sql, values, rows);
    for (int i = 0; said.ok() && i < row_count(rows); ++i) {
        out.push_back({uuid_at(rows, i, 0), ingest::parse_code(bytes_at(rows, i, 1)),
                       uuid_at(rows, i, 2), std::string{bytes_at(rows, i, 3)},
                       std::string{bytes_at(rows, i, 4)}});
    }
    return said;
}

result record_failures(pq_connection& on, std::span<failed_retry const> failures) {
    if (failures.empty()) {
        return {};
    }
    array_parameter id{wire::uuid_oid};
    array_parameter reason{wire::text_oid};
    array_parameter detail{wire::text_oid};
    for (auto const& each : failures) {
        id.add(each.id);
        reason.add_bytes(ingest::code(each.reason));
        detail.add_bytes(each.detail);
    }
    parameters values;
    values.add(id).add(reason).add(detail);
    pq_rows ignored;
    return on.query("UPDATE ingest.suspense AS s SET attempts = s.attempts + 1,"
                    " reason = d.reason, detail = nullif(d.detail, '')"
                    " FROM unnest($1::uuid[], $2::text[], $3::text[]) AS d(id, reason, detail)"
                    " WHERE s.id = d.id AND s.state = 'waiting'",
                    values, ignored);
}

} // namespace tally::storage
