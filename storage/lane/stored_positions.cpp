#include "storage/lane/stored_positions.hpp"

#include "storage/postgres/array_binding.hpp"

#include <utility>

namespace tally::storage {

namespace {

constexpr char const* load_sql = "SELECT position FROM ingest.positions WHERE stream = $1::text";

// One snapshot sees the batches and the old position, so the move rests on what it checks. Commits
// reach a standby in their order: a server that has the last batch of each lane has all that the
// lanes committed before (docs/ARCHITECTURE.md, R5). A stream begins with the move from 0; the row
// of a stream that has one must not be missing.
constexpr char const* move_sql = R"(
WITH batches AS (
    SELECT cardinality($4::uuid[]) - count(*) AS lost FROM ingest.batches
    WHERE id = ANY ($4::uuid[])),
before AS (
    SELECT coalesce(max(position), 0) AS position FROM ingest.positions WHERE stream = $1::text),
moved AS (
    INSERT INTO ingest.positions AS p (stream, position, created_at, updated_at)
    SELECT $1::text, $3::bigint, now(), now() FROM batches, before
    WHERE lost = 0 AND before.position = $2::bigint AND $3::bigint > $2::bigint
    ON CONFLICT (stream) DO UPDATE SET position = excluded.position, updated_at = now()
        WHERE p.position = $2::bigint
    RETURNING position),
passed AS (
    DELETE FROM ingest.payer_decisions
    WHERE stream = $1::text AND end_record <= (SELECT position FROM moved))
SELECT coalesce((SELECT position FROM moved), before.position), batches.lost FROM batches, before)";

constexpr char const* ends_sql = R"(
SELECT NOT EXISTS (
    SELECT FROM unnest($1::text[], $2::bigint[]) AS e(stream, position)
    LEFT JOIN ingest.positions AS p ON p.stream = e.stream
    WHERE coalesce(p.position, 0) < e.position))";

// In one statement, so that no decision of a stream without a position is left.
constexpr char const* forget_sql = R"(
WITH decided AS (DELETE FROM ingest.payer_decisions WHERE stream = $1::text)
DELETE FROM ingest.positions WHERE stream = $1::text)";

// A longer range was decided with the shorter one known, and repeats its decisions.
constexpr char const* keep_sql = R"(
WITH before AS (
    SELECT $5::uuid IS NULL OR EXISTS (SELECT FROM ingest.batches WHERE id = $5::uuid) AS is_there),
link AS (
    INSERT INTO ingest.batches (id, daemon_id, lane, received, committed, duplicate, suspended, bytes,
        cost, opened_at, created_at)
    SELECT $6::uuid, $6::uuid, -1, 0, 0, 0, 0, 0, 0, now(), now() FROM before WHERE is_there),
kept AS (
    INSERT INTO ingest.payer_decisions (stream, first_record, end_record, payers)
    SELECT $1::text, d.first_record, d.end_record, d.payers
    FROM before, unnest($2::bigint[], $3::bigint[], $4::bytea[])
        AS d(first_record, end_record, payers)
    WHERE is_there
    ON CONFLICT (stream, first_record) DO UPDATE
        SET end_record = excluded.end_record, payers = excluded.payers
        WHERE excluded.end_record > payer_decisions.end_record)
SELECT is_there FROM before)";

constexpr char const* decisions_sql = R"(
SELECT first_record, end_record, payers FROM ingest.payer_decisions
WHERE stream = $1::text AND end_record > $2::bigint ORDER BY first_record)";

std::int64_t as_int64(std::uint64_t record) noexcept {
    return static_cast<std::int64_t>(record);
}

std::uint64_t record_at(pq_rows const& rows, int row, int column) noexcept {
    return static_cast<std::uint64_t>(int64_at(rows, row, column));
}

} // namespace

stored_positions::stored_positions(std::string connection_string, std::string purpose)
    : connection_{std::move(connection_string), std::move(purpose)} {}

expected<std::uint64_t> stored_positions::load(std::string_view stream) {
    parameters values;
    values.add_text(stream);
    pq_rows rows;
    result const status = connection_.query(load_sql, values, rows);
    if (!status.ok()) {
        return status;
    }

    // A stream without a row has stored nothing yet.
    return row_count(rows) > 0 ? record_at(rows, 0, 0) : 0;
}

result stored_positions::move(position_move const& wanted, position_found& out) {
    // The statement compares their number with that of the rows in ingest.batches: a batch that is
    // missing means that a failover has lost it (R5).
    array_parameter batches{wire::uuid_oid};
    for (auto const& id : wanted.batches) {
        batches.add(id);
    }

    parameters values;
    values.add_text(wanted.stream).add_int64(as_int64(wanted.committed));
    values.add_int64(as_int64(wanted.next)).add(batches);
    pq_rows rows;
    result status = connection_.query(move_sql, values, rows);

    // The statement always answers with one row: the position that holds now, and how many are
    // missing.
    if (status.ok()) {
        out = {record_at(rows, 0, 0), static_cast<std::uint32_t>(int64_at(rows, 0, 1))};
    }
    return status;
}

expected<bool> stored_positions::has_ends(std::span<stream_end const> ends) {
    array_parameter streams{wire::text_oid};
    array_parameter positions{wire::int8_oid};
    for (auto const& end : ends) {
        streams.add_bytes(end.stream);
        positions.add_int64(as_int64(end.position));
    }

    parameters values;
    values.add(streams).add(positions);
    pq_rows rows;
    result const status = connection_.query(ends_sql, values, rows);
    if (!status.ok()) {
        return status;
    }
    return bool_at(rows, 0, 0);
}

result stored_positions::forget(std::string_view stream) {
    parameters values;
    values.add_text(stream);
    pq_rows rows;
    return connection_.query(forget_sql, values, rows);
}

result stored_positions::keep_decisions(std::string_view stream,
                                        std::span<decided_range const> decided,
                                        chain_link const& link) {
    // Arrays, so that all ranges are stored by one statement, or none is.
    array_parameter first{wire::int8_oid};
    array_parameter end{wire::int8_oid};
    array_parameter payers{wire::bytea_oid};
    for (auto const& each : decided) {
        first.add_int64(as_int64(each.first_record));
        end.add_int64(as_int64(each.end_record));
        payers.add_bytes(each.payers);
    }

    parameters values;
    values.add_text(stream).add(first).add(end).add(payers);
    values.add_optional(link.previous).add(link.id);
    pq_rows rows;
    result status = connection_.query(keep_sql, values, rows);

    // Nothing was written: decisions that rest on lost ones would leave a hole in the chain (S14).
    if (status.ok() && !bool_at(rows, 0, 0)) {
        status = {failure::lost, {}, "the decisions before these are not there"};
    }
    return status;
}

result stored_positions::load_decisions(std::string_view stream, std::uint64_t position,
                                        std::vector<decided_range>& out) {
    out.clear();
    parameters values;
    values.add_text(stream).add_int64(as_int64(position));
    pq_rows rows;
    result status = connection_.query(decisions_sql, values, rows);
    for (int i = 0; status.ok() && i < row_count(rows); ++i) {
        out.push_back(
            {record_at(rows, i, 0), record_at(rows, i, 1), std::string{bytes_at(rows, i, 2)}});
    }
    return status;
}

} // namespace tally::storage
