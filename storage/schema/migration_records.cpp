#include "storage/schema/migration_records.hpp"

namespace tally::storage {
namespace {

char const* text_of(record_state state) {
    switch (state) {
    case record_state::applied:
        return "applied";
    case record_state::running:
        return "running";
    case record_state::reverting:
        return "reverting";
    }
    return "";
}

record_state state_of(std::string const& text) {
    return text == "applied"   ? record_state::applied
           : text == "running" ? record_state::running
                               : record_state::reverting;
}

/// The text form of a text[] in PostgreSQL.
std::string text_array(std::vector<sql_value> const& values) {
    std::string text = "{";
    for (sql_value const& value : values) {
        text += text.size() > 1 ? "," : "";
        if (!value) {
            text += "NULL";
            continue;
        }

        // Quoted, so that commas, braces and the word NULL are text.
        text += '"';
        for (char c : *value) {
            if (c == '"' || c == '\\') {
                text += '\\';
            }
            text += c;
        }
        text += '"';
    }
    return text + "}";
}

} // namespace

void migration_records::create_tables() {
    // IF NOT EXISTS: this runs before every `up`, and is how a database becomes one of ours.
    session_.execute(R"sql(
CREATE TABLE IF NOT EXISTS public.tallyd_migrations (
    version integer PRIMARY KEY,
    name text NOT NULL,
    up_sha256 text NOT NULL,
    down_sha256 text NOT NULL,
    state text NOT NULL CHECK (state IN ('running', 'applied', 'reverting')),
    fingerprint text,
    server_version integer NOT NULL DEFAULT current_setting('server_version_num')::integer,
    applied_by text NOT NULL DEFAULT current_user,
    began_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    applied_at timestamptz,
    duration_ms bigint
);
COMMENT ON TABLE public.tallyd_migrations IS 'Migrations that tallyd migrate has begun or applied';
CREATE TABLE IF NOT EXISTS public.tallyd_migration_objects (
    version integer NOT NULL REFERENCES public.tallyd_migrations (version) ON DELETE CASCADE,
    kind text NOT NULL,
    name text NOT NULL,
    definition text,
    PRIMARY KEY (version, kind, name)
);
COMMENT ON TABLE public.tallyd_migration_objects IS 'What each migration made of the catalog; tallyd migrate verify compares with it. No definition: removed';
)sql");
}

bool migration_records::has_tables() {
    // The second of the two tables: both are created in one transaction.
    return session_.query_value("SELECT to_regclass('public.tallyd_migration_objects')::text")
        .has_value();
}

std::vector<migration_record> migration_records::load() {
    std::vector<migration_record> records;
    if (!has_tables()) {
        return records;
    }
    for (sql_row const& row :
         session_.query("SELECT version, name, up_sha256, down_sha256, state, fingerprint, "
                        "to_char(applied_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'), "
                        "server_version / 10000 FROM public.tallyd_migrations ORDER BY version")) {
        records.push_back({static_cast<int>(row.integer(0)), row.text(1), row.text(2), row.text(3),
                           state_of(row.text(4)), row.text(5), row.text(6),
                           static_cast<int>(row.integer(7))});
    }
    return records;
}

catalog_objects migration_records::expected_catalog() {
    catalog_objects objects;
    if (!has_tables()) {
        return objects;
    }
    // For each object the definition by the last migration that changed it. NULL: it was removed.
    for (sql_row& row : session_.query(
             "SELECT kind, name, definition FROM (SELECT DISTINCT ON (kind, name) kind, name, "
             "definition FROM public.tallyd_migration_objects ORDER BY kind, name, version DESC) "
             "AS latest WHERE definition IS NOT NULL")) {
        objects.emplace(catalog_key{std::move(*row[0]), std::move(*row[1])}, std::move(*row[2]));
    }
    return objects;
}

made_tables migration_records::tables_made_above(int version) {
    made_tables made;
    if (!has_tables()) {
        return made;
    }

    for (sql_row& row : session_.query(
             // Materialized: names of other kinds are not for to_regclass(). pg_partition_tree()
             // has no row for a table that is not partitioned.
             "WITH made AS MATERIALIZED (SELECT name FROM public.tallyd_migration_objects "
             "WHERE kind = 'table' GROUP BY name HAVING min(version) > $1) "
             "SELECT name, pg_total_relation_size(to_regclass(name)) + "
             "(SELECT coalesce(sum(pg_total_relation_size(relid)), 0)::bigint "
             "FROM pg_partition_tree(to_regclass(name)) WHERE relid <> to_regclass(name)) AS bytes "
             "FROM made WHERE to_regclass(name) IS NOT NULL ORDER BY bytes DESC, name",
             {std::to_string(version)})) {
        made.names.push_back(std::move(*row[0]));
        made.bytes += row.integer(1);
    }
    return made;
}

void migration_records::insert(migration const& file, record_state state) {
    // An upsert, since a file that failed half applied is completed by a corrected one.
    session_.query("INSERT INTO public.tallyd_migrations (version, name, up_sha256, down_sha256, "
                   "state) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (version) DO UPDATE SET "
                   "name = excluded.name, up_sha256 = excluded.up_sha256, "
                   "down_sha256 = excluded.down_sha256, state = excluded.state",
                   {std::to_string(file.version), file.name, file.up.sha256, file.down.sha256,
                    text_of(state)});
}

void migration_records::finish(migration const& file, std::vector<catalog_change> const& changes,
                               catalog_objects const& expected, std::chrono::milliseconds took) {
    // Arrays, so that hundreds of objects are one statement.
    std::vector<sql_value> kinds;
    std::vector<sql_value> names;
    std::vector<sql_value> definitions;
    for (catalog_change const& change : changes) {
        kinds.emplace_back(change.key.first);
        names.emplace_back(change.key.second);
        definitions.push_back(change.after);
    }

    // What an interrupted run of the same migration recorded is replaced.
    std::string const version = std::to_string(file.version);
    session_.query("DELETE FROM public.tallyd_migration_objects WHERE version = $1", {version});
    session_.query("INSERT INTO public.tallyd_migration_objects (version, kind, name, definition) "
                   "SELECT $1::integer, * FROM unnest($2::text[], $3::text[], $4::text[])",
                   {version, text_array(kinds), text_array(names), text_array(definitions)});
    session_.query("UPDATE public.tallyd_migrations SET state = 'applied', fingerprint = $2, "
                   "applied_at = clock_timestamp(), duration_ms = $3 WHERE version = $1",
                   {version, catalog_fingerprint(expected), std::to_string(took.count())});
}

void migration_records::set_state(int version, record_state state) {
    session_.query("UPDATE public.tallyd_migrations SET state = $2 WHERE version = $1",
                   {std::to_string(version), text_of(state)});
}

void migration_records::remove(int version) {
    session_.query("DELETE FROM public.tallyd_migrations WHERE version = $1",
                   {std::to_string(version)});
}

} // namespace tally::storage
