#include "storage/schema/diagram.hpp"

#include <map>
#include <vector>

namespace tally::storage {
namespace {

constexpr std::string_view begin_marker = "<!-- diagram: begin -->\n";
constexpr std::string_view end_marker = "<!-- diagram: end -->\n";

/// Our tables, without partitions (attached or retired) and without the runner's own tables.
constexpr std::string_view tables_query = R"sql(
WITH tables AS (
    SELECT c.oid, n.nspname AS schema, c.relname AS name
    FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname !~ '^pg_'
      AND n.nspname NOT IN ('public', 'information_schema')
      AND NOT EXISTS (SELECT FROM ingest.partitions AS p
                      WHERE p.partition_name = c.relname AND p.table_name LIKE n.nspname || '.%')
)sql";

// Key columns only: those by which rows are found and joined.
constexpr std::string_view columns_query = R"sql(
)
SELECT t.schema, t.name, a.attname,
    CASE WHEN y.typelem <> 0 AND y.typlen = -1 THEN e.typname || '[]' ELSE y.typname END,
    concat_ws(', ', CASE WHEN k.is_primary THEN 'PK' END, CASE WHEN k.is_foreign THEN 'FK' END,
              CASE WHEN k.is_unique THEN 'UK' END)
FROM tables AS t JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum > 0
JOIN pg_type AS y ON y.oid = a.atttypid LEFT JOIN pg_type AS e ON e.oid = y.typelem
JOIN LATERAL (
    SELECT bool_or(c.contype = 'p') AS is_primary, bool_or(c.contype = 'f') AS is_foreign,
        bool_or(c.contype = 'u') AS is_unique
    FROM pg_constraint AS c WHERE c.conrelid = t.oid AND a.attnum = ANY (c.conkey)
      AND c.contype IN ('p', 'f', 'u')
) AS k ON k.is_primary OR k.is_foreign OR k.is_unique
ORDER BY t.schema, t.name, a.attnum
)sql";

// Declared foreign keys, and those that partitions get when they are sealed. If the columns of a
// foreign key are unique, a parent has at most one child row.
constexpr std::string_view relations_query = R"sql(
), relations AS (
    SELECT t.schema, t.name, p.name AS parent, array_to_string(ARRAY(
            SELECT a.attname FROM unnest(c.conkey) WITH ORDINALITY AS k(number, place)
            JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = k.number ORDER BY k.place),
            ', ') AS columns,
        EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attnum = ANY (c.conkey)
                AND NOT a.attnotnull) AS is_optional,
        EXISTS (SELECT FROM pg_index AS i WHERE i.indrelid = t.oid AND i.indisunique
                AND i.indpred IS NULL AND i.indexprs IS NULL
                AND i.indkey::int2[] <@ c.conkey AND c.conkey <@ i.indkey::int2[]) AS is_single,
        '' AS note
    FROM tables AS t JOIN pg_constraint AS c ON c.conrelid = t.oid AND c.contype = 'f'
    JOIN tables AS p ON p.oid = c.confrelid
    UNION ALL
    SELECT t.schema, t.name, split_part(f.parts[2], '.', 2), f.parts[1], EXISTS (
            SELECT FROM pg_attribute AS a WHERE a.attrelid = t.oid AND a.attname = f.parts[1]
            AND NOT a.attnotnull), false, ' (sealed)'
    FROM tables AS t JOIN ingest.partitioned_tables AS d ON d.table_name = t.schema || '.' || t.name
    CROSS JOIN unnest(d.sealed_foreign_keys) AS definition
    CROSS JOIN regexp_match(definition, 'KEY \(([^)]+)\) REFERENCES ([a-z_.]+)', 'i') AS f(parts)
)
SELECT schema, parent, CASE WHEN is_optional THEN '|o' ELSE '||' END || '--'
    || CASE WHEN is_single THEN 'o|' ELSE 'o{' END, name, columns || note
FROM relations ORDER BY schema, name, parent, columns, note
)sql";

std::string with_tables(std::string_view query) {
    return std::string{tables_query}.append(query);
}

struct context {
    std::string relations;
    std::string tables;
    std::string last_table;
};

void add_column(context& target, sql_row const& row) {
    // Rows come sorted by table, so a new name ends the table before.
    std::string const& table = *row[1];
    if (table != target.last_table) {
        target.tables += (target.last_table.empty() ? "    " : "    }\n    ") + table + " {\n";
        target.last_table = table;
    }
    target.tables += "        " + *row[3] + " " + *row[2] + " " + *row[4] + "\n";
}

std::string block(std::string const& schema, context const& subject) {
    return "### " + schema + "\n\n```mermaid\nerDiagram\n" + subject.relations + subject.tables +
           (subject.tables.empty() ? "" : "    }\n") + "```\n";
}

/// The end of the marker's line; npos if there is no such line.
std::size_t end_of_line_with(std::string_view page, std::string_view marker, std::size_t begin) {
    auto const cursor = page.find(marker, begin);
    bool const is_line =
        cursor != std::string_view::npos && (cursor == 0 || page[cursor - 1] == '\n');
    return is_line ? cursor + marker.size() : std::string_view::npos;
}

} // namespace

std::string schema_diagram(sql_session& session) {
    // One diagram for each schema: all tables in one would be unreadable. Sorted, so that the same
    // schema gives the same text.
    std::map<std::string, context> contexts;
    for (sql_row const& row : session.query(with_tables(columns_query))) {
        add_column(contexts[*row[0]], row);
    }
    for (sql_row const& row : session.query(with_tables(relations_query))) {
        contexts[*row[0]].relations +=
            "    " + *row[1] + " " + *row[2] + " " + *row[3] + " : \"" + *row[4] + "\"\n";
    }
    std::string text;
    for (auto const& [schema, subject] : contexts) {
        text += (text.empty() ? "" : "\n") + block(schema, subject);
    }
    return text;
}

std::optional<std::string> with_diagram(std::string_view page, std::string_view diagram) {
    // The page's own text around the markers is kept.
    auto const begin = end_of_line_with(page, begin_marker, 0);
    if (begin == std::string_view::npos) {
        return std::nullopt;
    }
    auto const end = end_of_line_with(page, end_marker, begin);
    if (end == std::string_view::npos) {
        return std::nullopt;
    }

    std::string changed{page.substr(0, begin)};
    changed.append("\n").append(diagram).append("\n");
    return changed.append(page.substr(end - end_marker.size()));
}

} // namespace tally::storage
