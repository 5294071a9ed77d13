#include "storage/admin/imports.hpp"

#include "storage/postgres/database_error.hpp"

#include <algorithm>
#include <array>

namespace tally::storage {

namespace {

// In the order of import_state, and as ingest.import_state spells them.
constexpr std::array labels{std::string_view{"running"}, std::string_view{"done"},
                            std::string_view{"failed"}, std::string_view{"reverted"}};

std::string const columns = " id, file_name, digest, format, source_id, bytes_total, state,"
                            " received, committed, duplicate, suspended, rejected, runs, failure,"
                            " started_at, finished_at, reverted_at ";

import_state state_of(std::string_view text) noexcept {
    auto const found = std::find(labels.begin(), labels.end(), text);
    return found == labels.end() ? import_state::failed
                                 : static_cast<import_state>(found - labels.begin());
}

import_row row_at(pq_rows const& rows, int i) {
    import_row out;
    out.id = uuid_at(rows, i, 0);
    out.file.name = bytes_at(rows, i, 1);
    // Standard input has no digest: nothing tells two imports of it apart.
    if (auto const digest = bytes_at(rows, i, 2); digest.size() == file_digest{}.size()) {
        std::copy(digest.begin(), digest.end(), out.file.digest.emplace().begin());
    }
    out.file.format = bytes_at(rows, i, 3);
    out.file.source_id = uuid_at(rows, i, 4);

    // The size of standard input is not known either.
    if (!is_null(rows, i, 5)) {
        out.file.bytes_total = int64_at(rows, i, 5);
    }

    // How far the run is.
    out.state = state_of(bytes_at(rows, i, 6));
    out.counts = {int64_at(rows, i, 7), int64_at(rows, i, 8), int64_at(rows, i, 9),
                  int64_at(rows, i, 10), int64_at(rows, i, 11)};
    out.runs = int32_at(rows, i, 12);
    out.failure = bytes_at(rows, i, 13);
    out.started_at = time_at(rows, i, 14, 0);
    out.finished_at = time_at(rows, i, 15, ingest::never_us);
    out.reverted_at = time_at(rows, i, 16, ingest::never_us);
    return out;
}

void add_digest(parameters& parameters, import_file const& file) {
    if (file.digest) {
        parameters.add_text(
            {reinterpret_cast<char const*>(file.digest->data()), file.digest->size()});
    } else {
        parameters.add_null();
    }
}

void add_counts(parameters& parameters, import_counts const& counts) {
    parameters.add_int64(counts.received).add_int64(counts.committed).add_int64(counts.duplicate);
    parameters.add_int64(counts.suspended).add_int64(counts.rejected);
}

std::optional<import_row> first_row(pq_connection& connection, std::string const& sql,
                                    parameters& values, std::string_view purpose) {
    pq_rows rows;
    check(connection.query(sql, values, rows), purpose);
    return row_count(rows) > 0 ? std::optional{row_at(rows, 0)} : std::nullopt;
}

/// Changes the row of an import, which must be in the state that `sql` asks for.
void change(pq_connection& connection, ingest::uuid const& id, std::string const& sql,
            parameters& values) {
    pq_rows rows;
    check(connection.query(sql, values, rows), "record the import");
    // Another command has reverted or finished it: the counts of this one would be wrong.
    if (affected(rows) != 1) {
        check({failure::bad_data, {}, "no import " + ingest::to_string(id) + " that could change"});
    }
}

} // namespace

std::string_view label(import_state state) noexcept {
    return labels[static_cast<std::size_t>(state)];
}

import_row begin_import(pq_connection& connection, import_file const& file) {
    // One upsert, so that two sessions with one file get one row. A file without a digest conflicts
    // with none and is a new import each time.
    static std::string const sql =
        "INSERT INTO ingest.imports AS i (file_name, format, source_id, digest, bytes_total)"
        " VALUES ($1::text, $2::text, $3::uuid, $4::bytea, $5::bigint)"
        " ON CONFLICT (source_id, format, digest) WHERE state <> 'reverted' DO UPDATE SET"
        " state = 'running', runs = i.runs + 1, failure = NULL, finished_at = NULL"
        " RETURNING" +
        columns;

    // NULL for what is not known of standard input.
    parameters values;
    values.add_text(file.name).add_text(file.format).add(file.source_id);
    add_digest(values, file);
    if (file.bytes_total) {
        values.add_int64(*file.bytes_total);
    } else {
        values.add_null();
    }
    auto const row = first_row(connection, sql, values, "record the import");
    return row.value_or(import_row{}); // an upsert returns a row
}

std::optional<import_row> find_import(pq_connection& connection, import_file const& file) {
    // A reverted import does not count: the file may be imported again.
    static std::string const sql = "SELECT" + columns +
                                   "FROM ingest.imports WHERE source_id = $1::uuid AND"
                                   " format = $2::text AND digest = $3::bytea AND"
                                   " state <> 'reverted'";
    parameters values;
    values.add(file.source_id).add_text(file.format);
    add_digest(values, file);
    return first_row(connection, sql, values, "find the import");
}

std::optional<import_row> get_import(pq_connection& connection, ingest::uuid const& id) {
    static std::string const sql = "SELECT" + columns + "FROM ingest.imports WHERE id = $1::uuid";
    parameters values;
    values.add(id);
    return first_row(connection, sql, values, "find the import");
}

void update_import(pq_connection& connection, ingest::uuid const& id, import_counts const& counts) {
    parameters values;
    values.add(id);
    add_counts(values, counts);
    change(connection, id,
           "UPDATE ingest.imports SET received = $2::bigint, committed = $3::bigint,"
           " duplicate = $4::bigint, suspended = $5::bigint, rejected = $6::bigint"
           " WHERE id = $1::uuid AND state = 'running'",
           values);
}

void finish_import(pq_connection& connection, ingest::uuid const& id, import_state state,
                   import_counts const& counts, std::string_view failure) {
    parameters values;
    values.add(id);
    add_counts(values, counts);
    values.add_text(label(state)).add_optional_text(failure);

    // An import that was reverted during the run must stay reverted.
    change(connection, id,
           "UPDATE ingest.imports SET received = $2::bigint, committed = $3::bigint,"
           " duplicate = $4::bigint, suspended = $5::bigint, rejected = $6::bigint,"
           " state = $7::text::ingest.import_state, failure = $8::text,"
           " finished_at = now() WHERE id = $1::uuid AND state <> 'reverted'",
           values);
}

std::vector<import_row> list_imports(pq_connection& connection, std::int32_t limit) {
    parameters values;
    values.add_int64(limit);
    pq_rows rows;
    check(connection.query("SELECT" + columns +
                               "FROM ingest.imports ORDER BY started_at DESC, id DESC"
                               " LIMIT $1::bigint",
                           values, rows),
          "list the imports");
    std::vector<import_row> found;
    for (int i = 0; i < row_count(rows); ++i) {
        found.push_back(row_at(rows, i));
    }
    return found;
}

} // namespace tally::storage
