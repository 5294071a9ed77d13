#include "storage/partitions/objects.hpp"

namespace tally::storage {

namespace {

// Names are those that PostgreSQL itself would choose, truncated to its limit of 63 bytes.
constexpr char const* indexes_sql =
    "SELECT w.name, format('ON %I.%I %s', split_part($1::text, '.', 1), $2::text, w.body),"
    " CASE WHEN i.indexrelid IS NULL THEN 'missing' WHEN i.indisvalid THEN 'ready' ELSE"
    " 'unfinished' END FROM (SELECT left($2::text || '_' ||"
    " btrim(regexp_replace(lower(columns), '[^a-z0-9]+', '_', 'g'), '_'), 59) || '_idx' AS name,"
    " CASE WHEN columns ~* '^\\s*using\\s' THEN columns ELSE '(' || columns || ')' END AS body,"
    " place FROM ingest.partitioned_tables AS t,"
    " unnest(t.sealed_indexes) WITH ORDINALITY AS u(columns, place) WHERE t.table_name = $1::text)"
    " AS w LEFT JOIN pg_catalog.pg_class AS c ON c.relname = w.name"
    " AND c.relnamespace = to_regnamespace(split_part($1::text, '.', 1))"
    " LEFT JOIN pg_catalog.pg_index AS i ON i.indexrelid = c.oid ORDER BY w.place";

// As above, from the columns of the key. convalidated is false for one whose check broke off.
constexpr char const* foreign_keys_sql =
    "SELECT w.name, w.body, CASE WHEN c.oid IS NULL THEN 'missing' WHEN c.convalidated THEN 'ready'"
    " ELSE 'unfinished' END FROM (SELECT left($2::text || '_' || btrim(regexp_replace("
    "lower(substring(body FROM '(?i)key\\s*\\(([^)]*)\\)')), '[^a-z0-9]+', '_', 'g'), '_'), 58)"
    " || '_fkey' AS name, body, place FROM ingest.partitioned_tables AS t,"
    " unnest(t.sealed_foreign_keys) WITH ORDINALITY AS u(body, place)"
    " WHERE t.table_name = $1::text) AS w LEFT JOIN pg_catalog.pg_constraint AS c"
    " ON c.conname = w.name AND c.conrelid ="
    " to_regclass(format('%I.%I', split_part($1::text, '.', 1), $2::text)) ORDER BY w.place";

partition_object::progress progress_of(std::string_view text) noexcept {
    using enum partition_object::progress;
    return text == "ready" ? ready : text == "unfinished" ? unfinished : missing;
}

expected<std::vector<partition_object>> find_objects(pq_connection& connection, char const* sql,
                                                     partition_name const& partition) {
    parameters values;
    values.add_text(partition.table).add_text(partition.partition);
    pq_rows rows;
    result status = connection.query(sql, values, rows);
    if (!status.ok()) {
        return status;
    }

    std::vector<partition_object> objects;
    for (int i = 0; i < row_count(rows); ++i) {
        objects.push_back({std::string{bytes_at(rows, i, 0)}, std::string{bytes_at(rows, i, 1)},
                           progress_of(bytes_at(rows, i, 2))});
    }
    return objects;
}

} // namespace

std::string partition_name::qualified() const {
    return table.substr(0, table.find('.') + 1) + partition;
}

expected<std::vector<partition_object>> find_indexes(pq_connection& connection,
                                                     partition_name const& partition) {
    return find_objects(connection, indexes_sql, partition);
}

expected<std::vector<partition_object>> find_foreign_keys(pq_connection& connection,
                                                          partition_name const& partition) {
    return find_objects(connection, foreign_keys_sql, partition);
}

result build_indexes_at_once(pq_connection& connection, partition_name const& partition) {
    // Not CONCURRENTLY: the partition is empty, so writers wait for a moment only. IF NOT EXISTS,
    // since another session may do the same.
    auto const wanted = find_indexes(connection, partition);
    if (!wanted.ok()) {
        return wanted.status();
    }

    std::string script;
    for (auto const& index : *wanted) {
        script += "CREATE INDEX IF NOT EXISTS \"" + index.name + "\" " + index.definition + ";";
    }
    return script.empty() ? result{} : connection.execute(script);
}

} // namespace tally::storage
