#include "storage/imports.hpp"

namespace tally::storage {

namespace {

std::string const columns =
    "i.id, i.file_name, coalesce(encode(i.digest, 'hex'), ''), i.format, s.name, i.state, "
    "i.received, i.committed, i.duplicate, i.suspended, i.rejected, i.runs, "
    "coalesce(i.failure, ''), to_char(i.started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), "
    "coalesce(to_char(i.finished_at AT TIME ZONE 'UTC', 'YYYY-MM-DD HH24:MI:SS'), '') "
    "FROM ingest.imports i JOIN ingest.sources s ON s.id = i.source_id ";

std::string const same_file =
    "source_id = $1::uuid AND format = $2 AND digest = decode($3, 'hex') AND state <> 'reverted'";

std::uint64_t number(sql_value const& value) {
    return std::stoull(value.value_or("0"));
}

import_row row_of(sql_row const& from) {
    auto const text = [&from](std::size_t i) { return from[i].value_or(""); };
    import_row row;
    row.id = text(0);
    row.name = text(1);
    row.digest = text(2);
    row.format = text(3);
    row.source = text(4);
    row.state = text(5);
    row.received = number(from[6]);
    row.committed = number(from[7]);
    row.duplicate = number(from[8]);
    row.suspended = number(from[9]);
    row.rejected = number(from[10]);
    row.runs = number(from[11]);
    row.failure = text(12);
    row.started_at = text(13);
    row.finished_at = text(14);
    return row;
}

sql_value digest_or_null(import_file const& file) {
    return file.digest.empty() ? sql_value{} : sql_value{file.digest};
}

sql_value bytes_or_null(import_file const& file) {
    return file.bytes ? sql_value{std::to_string(*file.bytes)} : sql_value{};
}

} // namespace

std::optional<import_row> imports::find(import_file const& file) {
    auto const rows = session_.query("SELECT " + columns + "WHERE i." + same_file,
                                     {file.source_id, file.format, digest_or_null(file)});
    return rows.empty() ? std::nullopt : std::optional{row_of(rows.front())};
}

std::string imports::begin(import_file const& file) {
    // One statement, so that two who begin the same file at once share one row.
    return session_
        .query_value(
            "INSERT INTO ingest.imports AS i "
            "(source_id, format, digest, file_name, bytes_total) "
            "VALUES ($1::uuid, $2, decode($3, 'hex'), $4, $5::bigint) "
            "ON CONFLICT (source_id, format, digest) WHERE state <> 'reverted' "
            "DO UPDATE SET state = 'running', runs = i.runs + 1, failure = NULL, "
            "finished_at = NULL, file_name = excluded.file_name RETURNING id",
            {file.source_id, file.format, digest_or_null(file), file.name, bytes_or_null(file)})
        .value_or("");
}

void imports::finish(std::string const& id, std::string_view state, import_totals const& totals,
                     std::string const& failure) {
    session_.query("UPDATE ingest.imports SET state = $2::ingest.import_state, "
                   "received = $3::bigint, rejected = $5::bigint, failure = nullif($6, ''), "
                   "committed = b.committed, suspended = b.suspended, "
                   "duplicate = greatest($4::bigint - b.committed - b.suspended, 0), "
                   "finished_at = CASE WHEN $2 = 'running' THEN NULL ELSE now() END "
                   "FROM (SELECT coalesce(sum(committed), 0) AS committed, "
                   "coalesce(sum(suspended), 0) AS suspended "
                   "FROM ingest.batches WHERE import_id = $1::uuid) b "
                   "WHERE id = $1::uuid",
                   {id, std::string{state}, std::to_string(totals.received),
                    std::to_string(totals.accepted), std::to_string(totals.rejected), failure});
}

std::vector<import_row> imports::list(std::size_t limit) {
    std::vector<import_row> found;
    for (auto const& row : session_.query(
             "SELECT " + columns + "ORDER BY i.started_at DESC, i.id DESC LIMIT $1::bigint",
             {std::to_string(limit)})) {
        found.push_back(row_of(row));
    }
    return found;
}

} // namespace tally::storage
