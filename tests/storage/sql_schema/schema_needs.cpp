#include "tests/storage/sql_schema/schema_needs.hpp"

#include <array>
#include <regex>
#include <sstream>
#include <stdexcept>

namespace tally::storage {
namespace {

/// The catalog in the words of the needs. Names are qualified; keys of indexes are column names,
/// also those within lower() and coalesce().
constexpr auto facts = R"sql(
CREATE FUNCTION pg_temp.name_of(regclass) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT format('%s.%s', relnamespace::regnamespace, relname) FROM pg_class WHERE oid = $1
$$;
CREATE FUNCTION pg_temp.names_of(regclass, smallint[]) RETURNS text[] LANGUAGE sql STABLE AS $$
    SELECT array_agg(attname::text ORDER BY n)
    FROM unnest($2) WITH ORDINALITY AS k(number, n) JOIN pg_attribute ON attrelid = $1 AND attnum = number
$$;
CREATE FUNCTION pg_temp.is_like(word text, pattern text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT word ~ ('^(?:' || pattern || ')$')
$$;
-- every wanted name, in this order, from the first on
CREATE FUNCTION pg_temp.leads(keys text[], wanted text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT bool_and(coalesce(pg_temp.is_like(keys[n], name), false))
    FROM unnest(string_to_array(wanted, ' ')) WITH ORDINALITY AS w(name, n)
$$;
-- every wanted name, in any order, among others
CREATE FUNCTION pg_temp.holds(keys text[], wanted text) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT bool_and(EXISTS (SELECT FROM unnest(keys) AS key WHERE pg_temp.is_like(key, name)))
    FROM unnest(string_to_array(wanted, ' ')) AS w(name)
$$;
CREATE TEMPORARY VIEW columns AS
    SELECT pg_temp.name_of(a.attrelid) AS relation, a.attname::text AS name, format_type(a.atttypid, a.atttypmod) AS type,
           a.attnotnull AS is_required, a.attgenerated <> '' AS is_generated, pg_get_expr(d.adbin, d.adrelid) AS expression,
           ARRAY(SELECT enumlabel::text FROM pg_enum WHERE enumtypid = a.atttypid) AS labels,
           ARRAY(SELECT family FROM (VALUES
               ('uuid', '^uuid$'), ('text', '^(text|character.*)$'), ('time', '^timestamp.*with time zone$'),
               ('date', '^date$'), ('boolean', '^boolean$'), ('integer', '^(smallint|integer|bigint)$'),
               ('number', '^(smallint|integer|bigint|numeric.*)$'), ('money', '^numeric\(\d+,[69]\)$'),
               ('currency', '^character\(3\)$'), ('json', '^jsonb$'), ('address', '^inet$'), ('bytes', '^bytea$'),
               ('array', '\[\]$')) AS f(family, pattern) WHERE format_type(a.atttypid, a.atttypmod) ~ pattern)
           || CASE t.typtype WHEN 'e' THEN ARRAY['enum'] ELSE '{}' END AS families
    FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid JOIN pg_type t ON t.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped AND c.relkind IN ('r', 'p', 'v') AND NOT c.relispartition
      AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema)';
CREATE TEMPORARY VIEW indexes AS
    SELECT pg_temp.name_of(i.indrelid) AS relation, i.indisunique AS is_unique, i.indisprimary AS is_primary,
           ARRAY(SELECT regexp_replace(pg_get_indexdef(i.indexrelid, n, true), '^(lower|coalesce)\(\(*"?(\w+).*$', '\2', 'i')
                 FROM generate_series(1, i.indnkeyatts) AS n) AS keys,
           pg_get_indexdef(i.indexrelid) AS definition, coalesce(pg_get_expr(i.indpred, i.indrelid), '') AS predicate
    FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid WHERE NOT c.relispartition AND i.indisvalid;
CREATE TEMPORARY VIEW foreign_keys AS
    SELECT pg_temp.name_of(conrelid) AS relation, pg_temp.names_of(conrelid, conkey) AS keys,
           pg_temp.name_of(confrelid) AS parent,
           CASE confdeltype WHEN 'r' THEN 'restrict' WHEN 'c' THEN 'cascade' WHEN 'n' THEN 'set null'
                            WHEN 'd' THEN 'set default' ELSE 'no action' END AS on_delete
    FROM pg_constraint k WHERE contype = 'f' AND conparentid = 0;
CREATE TEMPORARY VIEW checks AS
    SELECT pg_temp.name_of(conrelid) AS relation, pg_temp.names_of(conrelid, conkey) AS keys
    FROM pg_constraint WHERE contype = 'c' AND conrelid <> 0;
CREATE TEMPORARY VIEW triggers AS
    SELECT pg_temp.name_of(tgrelid) AS relation, tgname::text AS name, p.proname::text AS function, event
    FROM pg_trigger t JOIN pg_proc p ON p.oid = t.tgfoid
    CROSS JOIN (VALUES (4, 'insert'), (8, 'delete'), (16, 'update')) AS e(bit, event)
    WHERE NOT tgisinternal AND tgenabled = 'O' AND tgtype & bit <> 0;
)sql";

struct need_form {
    char const* pattern;
    char const* sql;     ///< $1 the relation, $2... what the pattern caught; true: met
    char const* failure; ///< the message if it is not met
};

/// A list of columns, or several of which one must match: `(status)|(organization_id status)`.
#define TALLY_LISTS R"(\((.+)\))"

constexpr std::array forms{
    need_form{"table",
              "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) "
              "AND relkind IN ('r', 'p') AND obj_description(oid, 'pg_class') <> '')",
              "is missing or has no comment"},
    need_form{"view",
              "SELECT EXISTS (SELECT FROM pg_class WHERE oid = to_regclass($1) "
              "AND relkind = 'v' AND obj_description(oid, 'pg_class') <> '')",
              "is missing or has no comment"},
    need_form{
        R"(function (\S+))",
        "SELECT $1 = '' AND EXISTS (SELECT FROM pg_proc WHERE $2 = pronamespace::regnamespace "
        "|| '.' || proname AND obj_description(oid, 'pg_proc') <> '')",
        "is missing or has no comment"},
    need_form{R"(columns (\d+))", "SELECT count(*) >= $2::int FROM columns WHERE relation = $1",
              "has fewer"},
    need_form{R"(default (\w+) (.+))",
              "SELECT EXISTS (SELECT FROM columns WHERE relation = $1 AND name = $2 AND "
              "split_part(expression, '::', 1) = $3)",
              "is another"},
    need_form{R"(generated (\w+))",
              "SELECT EXISTS (SELECT FROM columns WHERE relation = $1 AND name = $2 AND "
              "is_generated)",
              "is not"},
    need_form{R"(primary key \((.+)\))",
              "SELECT EXISTS (SELECT FROM indexes WHERE relation = $1 AND is_primary AND "
              "cardinality(keys) = cardinality(string_to_array($2, ' ')) AND pg_temp.leads(keys, "
              "$2))",
              "is another or missing"},
    need_form{"unique " TALLY_LISTS,
              "SELECT EXISTS (SELECT FROM indexes WHERE relation = $1 AND is_unique AND "
              "cardinality(keys) = cardinality(string_to_array($2, ' ')) AND pg_temp.holds(keys, "
              "$2) AND predicate ~ '^[( ]*(deleted_at IS NULL|\\w+ IS NOT NULL|[() ]|AND)*$')",
              "is missing"},
    need_form{"index " TALLY_LISTS,
              "SELECT EXISTS (SELECT FROM indexes, unnest(string_to_array($2, ')|(')) AS wanted "
              "WHERE relation = $1 AND definition ~ 'USING btree' AND pg_temp.leads(keys, wanted))",
              "is missing"},
    need_form{R"(full text \((.+)\))",
              "SELECT EXISTS (SELECT FROM indexes i LEFT JOIN columns c ON c.relation = i.relation "
              "AND c.name = i.keys[1] WHERE i.relation = $1 AND definition ~ 'USING gin' AND "
              "(definition ~ 'to_tsvector' OR c.type = 'tsvector') AND NOT EXISTS (SELECT FROM "
              "unnest(string_to_array($2, ' ')) AS w(name) WHERE concat_ws(' ', definition, "
              "expression) !~ ('\\m' || name || '\\M')))",
              "is missing"},
    need_form{R"(foreign key \((\S+)\) to (\S+) ([a-z|]+(?: null)?))",
              "SELECT EXISTS (SELECT FROM foreign_keys WHERE relation = $1 AND pg_temp.leads(keys, "
              "$2) AND parent = $3 AND pg_temp.is_like(on_delete, $4))",
              "is missing or has another rule"},
    need_form{"check " TALLY_LISTS,
              "SELECT EXISTS (SELECT FROM checks, unnest(string_to_array($2, ')|(')) AS wanted "
              "WHERE relation = $1 AND pg_temp.holds(keys, wanted))",
              "is missing"},
    need_form{R"(trigger (\w+) on ([a-z ]+))",
              "SELECT bool_and(EXISTS (SELECT FROM triggers WHERE relation = $1 AND event = wanted "
              "AND (function = $2 OR starts_with(name, $2)))) FROM "
              "unnest(string_to_array($3, ' ')) AS wanted",
              "is missing"},
    need_form{R"(partitioned by (\S+) a (\w+))",
              "SELECT EXISTS (SELECT FROM pg_partitioned_table p JOIN ingest.partitioned_tables t "
              "ON to_regclass(t.table_name) = p.partrelid WHERE p.partrelid = to_regclass($1) AND "
              "partstrat = 'r' AND pg_temp.is_like(time_column, $2) AND pg_temp.names_of("
              "partrelid, partattrs::smallint[]) = ARRAY[time_column] AND span::text = $3)",
              "is not"},
    need_form{R"(sealed \((\w+)\))",
              "SELECT EXISTS (SELECT FROM ingest.partitioned_tables, unnest(sealed_indexes) AS "
              "list WHERE table_name = $1 AND pg_temp.leads(regexp_split_to_array(list, ', *'), "
              "$2))",
              "is no index of a sealed partition"},
};

std::vector<std::string> words_of(std::string const& text) {
    std::istringstream input{text};
    std::vector<std::string> words;
    for (std::string word; input >> word;) {
        words.push_back(word);
    }
    return words;
}

} // namespace

std::string schema_need::describe() const {
    return file + ": " + (relation.empty() ? "" : relation + ": ") + text;
}

std::vector<schema_need> read_needs(std::string const& file, std::string_view text) {
    std::istringstream input{std::string{text}};
    std::vector<schema_need> needs;
    std::string relation;
    for (std::string line; std::getline(input, line);) {
        bool const is_indented = line.starts_with("  ");
        auto const words = words_of(line);
        if (words.empty() || words[0].starts_with("#")) {
            continue;
        }
        if (is_indented && relation.empty()) {
            throw std::runtime_error{file + ": no table above: " + line};
        }
        if (!is_indented) {
            bool const is_relation = words.size() == 2 && words[0] != "function";
            relation = is_relation ? words[1] : "";
            line = is_relation ? words[0] : line;
        }
        needs.push_back({file, relation, is_indented ? line.substr(2) : line});
    }
    return needs;
}

schema_prover::schema_prover(std::string const& connection_string)
    : session_{connection_string, "test"} {
    session_.execute(facts);
}

std::string schema_prover::complaint(schema_need const& need) {
    for (need_form const& form : forms) {
        std::smatch caught;
        if (!std::regex_match(need.text, caught, std::regex{form.pattern})) {
            continue;
        }
        std::vector<sql_value> parameters{need.relation};
        for (std::size_t i = 1; i < caught.size(); ++i) {
            parameters.emplace_back(caught[i].str());
        }
        bool const is_met = session_.query_value(form.sql, parameters) == "t";
        return is_met ? "" : need.describe() + ": " + form.failure;
    }
    return column_complaint(need);
}

/// name family [exactly] [value ...] [not null|nullable]
std::string schema_prover::column_complaint(schema_need const& need) {
    static std::regex const form{
        R"(([a-z0-9_|]+) ([a-z|]+)(?: ([a-z0-9_| ]+?))??(?: (not null|nullable))?)"};
    static std::regex const families{"(uuid|text|time|date|boolean|integer|number|money|currency|"
                                     "json|address|bytes|array|enum|[|])+"};
    std::smatch caught;
    if (!std::regex_match(need.text, caught, form) ||
        !std::regex_match(caught[2].str(), families)) {
        throw std::runtime_error{need.describe() + ": not understood"};
    }
    auto const rows = session_.query(
        "SELECT type, is_required, families && string_to_array($3, '|'), labels FROM columns WHERE "
        "relation = $1 AND pg_temp.is_like(name, $2)",
        {need.relation, caught[1].str(), caught[2].str()});
    if (rows.empty()) {
        return need.describe() + ": there is no such column";
    }
    sql_row const& column = rows.front();
    std::string const nullness = caught[4].str();
    if (column[2] != "t") {
        return need.describe() + ": is of type " + column[0].value_or("");
    }
    if (!nullness.empty() && (column[1] == "t") != (nullness == "not null")) {
        return need.describe() + ": is " + (column[1] == "t" ? "not null" : "nullable");
    }
    auto values = words_of(caught[3].str());
    bool const is_exact = !values.empty() && values.front() == "exactly";
    if (is_exact) {
        values.erase(values.begin());
    }
    std::string wanted;
    for (std::string const& value : values) {
        wanted += (wanted.empty() ? "" : " ") + value;
    }
    auto const missing = session_.query_value(
        "SELECT $2 <> '' AND (NOT pg_temp.holds($1::text[], $2) OR $3 AND cardinality($1::text[]) "
        "<> cardinality(string_to_array($2, ' ')))",
        {column[3], wanted, is_exact ? "t" : "f"});
    return missing == "t" ? need.describe() + ": has the values " + column[3].value_or("") : "";
}

int schema_prover::count(std::string const& fact, std::vector<std::string> const& tables) {
    int rows = 0;
    for (std::string const& table : tables) {
        rows += std::stoi(
            session_
                .query_value("SELECT count(*) FROM pg_temp." + fact + " WHERE relation = $1",
                             {table})
                .value_or("0"));
    }
    return rows;
}

} // namespace tally::storage
