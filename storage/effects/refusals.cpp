#include "storage/effects/refusals.hpp"

#include "ingest/base/record_error.hpp"

namespace tally::storage {

namespace {

// A row that waits already stays as it is: the same payload was suspended before it was stored. A
// resolved row is that of a retry, which counts its failed attempt itself. Like a payload that a
// batch suspends, a discarded one waits again only if it was received at another time: a replay is
// no new sending (storage/README.md, S9).
constexpr char const* suspend_sql = R"(
WITH refused AS (
    SELECT q.id, q.source, q.event_id, q.occurred_at, q.account_id, q.source_id, q.format,
        q.payload, q.batch_id, CASE WHEN $4::boolean THEN now() ELSE q.received_at END
        AS received_at, d.reason, CASE WHEN $4::boolean THEN NULL ELSE nullif(d.detail, '') END
        AS detail,
        sha256(convert_to(q.format, 'UTF8') || '\x00'::bytea || q.payload) AS digest
    FROM unnest($1::bigint[], $2::text[], $3::text[]) AS d(position, reason, detail)
    JOIN ingest.effect_queue AS q ON q.position = d.position),
identities AS (
    DELETE FROM ingest.event_identities AS i USING refused AS r WHERE i.id = r.id),
facts AS (
    DELETE FROM analytics.usage_events AS u USING refused AS r
    WHERE u.account_id = r.account_id AND u.occurred_at = r.occurred_at AND u.source = r.source
        AND u.event_id = r.event_id)
INSERT INTO ingest.suspense AS s (reason, detail, source_id, format, payload, payload_sha256,
    batch_id, received_at)
SELECT r.reason, r.detail, r.source_id, r.format, r.payload, r.digest, r.batch_id, r.received_at
FROM refused AS r ORDER BY r.source_id, r.digest
ON CONFLICT (source_id, payload_sha256) DO UPDATE SET state = 'waiting', reason = excluded.reason,
    detail = excluded.detail, batch_id = excluded.batch_id, received_at = excluded.received_at,
    attempts = CASE s.state WHEN 'resolved' THEN greatest(s.attempts - 1, 1) ELSE 1 END,
    auto_attempts = CASE s.state WHEN 'resolved' THEN s.auto_attempts ELSE 0 END,
    next_attempt_at = CASE s.state WHEN 'resolved' THEN s.next_attempt_at ELSE now() END,
    tried_catalog_at = CASE s.state WHEN 'resolved' THEN s.tried_catalog_at END,
    resolved_at = NULL, resolved_by = NULL, resolution = NULL
    WHERE s.state = 'resolved'
        OR s.state = 'discarded' AND s.received_at <> excluded.received_at)";

} // namespace

void refusals::add(std::int64_t position, std::string_view verdict) {
    // "reason: detail", as the functions apply_* return it.
    auto const colon = verdict.find(':');
    auto const reason = ingest::parse_code(verdict.substr(0, colon));
    auto detail = colon == std::string_view::npos ? std::string_view{} : verdict.substr(colon + 1);
    detail.remove_prefix(detail.starts_with(' ') ? 1 : 0);

    // An unknown code is a mistake in the function, or a function of a newer version. The event is
    // suspended all the same, with the whole text.
    bool const is_known = reason != ingest::record_error::none;
    position_.add_int64(position);
    reason_.add_bytes(ingest::code(is_known ? reason : ingest::record_error::database_refused));
    detail_.add_bytes(is_known ? detail : verdict);
    ++count_;
}

result refusals::suspend(pq_connection& connection) {
    if (count_ == 0) {
        return {};
    }
    if (count_ > 1) {
        return write(connection, false); // after a failure they come one by one
    }

    // R15: nothing refuses to suspend. Words and times are what a row may be refused for.
    auto status = connection.execute("SAVEPOINT refusal");
    if (status.ok()) {
        status = write(connection, false);
    }
    if (status.reason == failure::bad_data || status.reason == failure::permanent) {
        status = connection.execute("ROLLBACK TO SAVEPOINT refusal");
        return status.ok() ? write(connection, true) : status;
    }
    return status;
}

result refusals::write(pq_connection& connection, bool is_bare) {
    parameters values;
    values.add(position_).add(reason_).add(detail_).add_bool(is_bare);
    pq_rows ignored;
    return connection.query(suspend_sql, values, ignored);
}

} // namespace tally::storage
