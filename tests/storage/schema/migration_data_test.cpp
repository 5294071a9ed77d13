#include "tests/storage/schema/migration_fixture.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

// Migrations of tables that have rows: from every version, up keeps every row as it was, and down
// with rows in all tables leaves nothing.

namespace tally::storage {
namespace {

/// Inserts one row into every empty table, made up from the types and names of the columns. A table
/// whose parents are still empty is tried again.
constexpr auto fill = R"sql(
CREATE FUNCTION pg_temp.value_for(relation regclass, number smallint) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    c record;
    parent record;
BEGIN
    SELECT a.attname, format_type(a.atttypid, NULL) AS type, a.atttypid, t.typtype INTO c
    FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = relation AND a.attnum = number;
    SELECT k.confrelid::regclass AS name, p.attname INTO parent FROM pg_constraint k
    JOIN pg_attribute p ON p.attrelid = k.confrelid AND p.attnum = k.confkey[array_position(k.conkey, number)]
    WHERE k.contype = 'f' AND k.conparentid = 0 AND k.conrelid = relation AND number = ANY (k.conkey)
    ORDER BY cardinality(k.conkey) LIMIT 1;
    RETURN CASE
        WHEN c.attname = 'entity_type' THEN '''license'''
        WHEN c.attname = 'year' THEN '2026'
        WHEN c.attname = 'status_code' THEN '200'
        WHEN parent.name IS NOT NULL THEN format('(SELECT %I FROM %s ORDER BY 1 LIMIT 1)', parent.attname, parent.name)
        WHEN c.typtype = 'e' THEN (SELECT quote_literal(enumlabel) FROM pg_enum WHERE enumtypid = c.atttypid ORDER BY enumsortorder LIMIT 1)
        WHEN c.type LIKE 'timestamp%' THEN CASE WHEN c.attname ~ '(end|expires|upper|due|to)' THEN 'date_trunc(''hour'', now()) + interval ''1 hour''' ELSE 'date_trunc(''hour'', now())' END
        WHEN c.type = 'date' THEN CASE WHEN c.attname ~ 'month' THEN 'date_trunc(''month'', now())::date' ELSE 'current_date' END
        WHEN c.type = 'uuid' THEN 'public.uuid_v7()'
        WHEN c.type = 'character' THEN '''INR'''
        WHEN c.type IN ('text', 'character varying') THEN
            CASE WHEN c.attname ~ 'email' THEN '''a@b.example''' WHEN c.attname ~ '(number|prefix)' THEN '''123''' ELSE '''a1''' END
        WHEN c.type = 'bytea' THEN 'sha256(''a1'')'
        WHEN c.type = 'jsonb' THEN '''{}'''
        WHEN c.type = 'boolean' THEN 'true'
        WHEN c.type = 'inet' THEN '''192.0.2.1'''
        WHEN c.type LIKE '%[]' THEN '''{}'''
        WHEN c.attname = 'lane' THEN '0'
        ELSE '1' END;
END
$$;
-- With what a row must have; where a check wants more, with one more column, whichever helps.
CREATE FUNCTION pg_temp.insert_row(relation regclass) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    problem text;
    extra smallint;
    names text;
    row_values text;
BEGIN
    FOR extra IN
        SELECT 0 UNION ALL
        (SELECT attnum FROM pg_attribute WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND NOT attnotnull AND attgenerated = '')
    LOOP
        SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum), string_agg(pg_temp.value_for(relation, attnum), ', ' ORDER BY attnum)
        INTO names, row_values FROM pg_attribute a
        WHERE attrelid = relation AND attnum > 0 AND NOT attisdropped AND attgenerated = '' AND attidentity = ''
          AND (attnotnull AND (NOT atthasdef OR attname = 'id') OR attnum = extra);
        BEGIN
            EXECUTE format('INSERT INTO %s (%s) VALUES (%s)', relation, names, row_values);
            RETURN '';
        EXCEPTION WHEN OTHERS THEN
            problem := coalesce(problem, format('%s: %s', relation, SQLERRM));
        END;
    END LOOP;
    RETURN problem;
END
$$;
)sql";

/// Our tables and the runner's table of seeds, without partitions.
constexpr auto tables_sql =
    "SELECT oid::regclass::text FROM pg_class WHERE relkind IN ('r', 'p') AND NOT relispartition "
    "AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$|public$)' ORDER BY 1";

class migration_data_test : public migration_runner_test {
  protected:
    std::vector<std::string> tables(sql_session& session) {
        std::vector<std::string> names;
        for (sql_row const& row : session.query(tables_sql)) {
            names.push_back(row.text(0));
        }
        return names;
    }

    /// Inserts at least one row into every table. A table that stays empty is a failure, with the
    /// server's reason.
    void fill_every_table() {
        sql_session session{database_, "test"};
        session.execute(std::string{"SET search_path = pg_catalog;"} + fill);
        if (has("ingest.partitioned_tables")) {
            session.execute("SELECT ingest.create_partition(table_name, now() + n * interval '1 "
                            "day') FROM ingest.partitioned_tables, generate_series(0, 1) AS n");
        } else if (has("billing.cdrs")) {
            session.execute(
                "DO $$ BEGIN FOR n IN 0..1 LOOP EXECUTE format('CREATE TABLE IF NOT EXISTS "
                "billing.cdrs_p%s PARTITION OF billing.cdrs FOR VALUES FROM (%L) TO (%L)', "
                "to_char(now() AT TIME ZONE 'UTC' + n * interval '1 day', 'YYYYMMDD'), "
                "date_trunc('day', now(), 'UTC') + n * interval '1 day', date_trunc('day', now(), "
                "'UTC') + (n + 1) * interval '1 day'); END LOOP; END $$");
        }
        std::map<std::string, std::string> reasons;
        for (int round = 0; round < 10; ++round) {
            reasons.clear();
            for (std::string const& table : tables(session)) {
                if (session.query_value("SELECT count(*) = 0 FROM " + table) == "t") {
                    auto const reason =
                        session.query_value("SELECT pg_temp.insert_row($1::regclass)", {table});
                    if (!reason.value_or("").empty()) {
                        reasons[table] = *reason;
                    }
                }
            }
            if (reasons.empty()) {
                return;
            }
        }
        for (auto const& [table, reason] : reasons) {
            ADD_FAILURE() << "no row was made up for " << reason;
        }
    }

    /// Table -> its columns, quoted, in order.
    std::map<std::string, std::string> columns() {
        sql_session session{database_, "test"};
        std::map<std::string, std::string> found;
        for (std::string const& table : tables(session)) {
            found[table] = session
                               .query_value("SELECT string_agg(quote_ident(attname), ', ' ORDER BY "
                                            "attnum) FROM pg_attribute WHERE attrelid = "
                                            "$1::regclass AND attnum > 0 AND NOT attisdropped",
                                            {table})
                               .value_or("");
        }
        return found;
    }

    /// Every row of these tables in these columns.
    std::map<std::string, std::vector<std::string>>
    rows(std::map<std::string, std::string> const& columns) {
        sql_session session{database_, "test"};
        std::map<std::string, std::vector<std::string>> found;
        for (auto const& [table, names] : columns) {
            std::string sql = "SELECT ROW(";
            sql.append(names).append(")::text FROM ").append(table).append(" ORDER BY 1");
            for (sql_row const& row : session.query(sql)) {
                found[table].push_back(row[0].value_or("NULL"));
            }
        }
        return found;
    }
};

TEST_F(migration_data_test, keeps_every_row_on_its_way_up) {
    auto const files = embedded_migrations();
    struct version_content {
        std::string label;
        std::map<std::string, std::string> columns;
        std::map<std::string, std::vector<std::string>> rows;
    };
    std::vector<version_content> passed;
    for (migration const& each : files) {
        runner(files).up(each.version);
        for (version_content const& older : passed) {
            auto const now = rows(older.columns);
            for (auto const& [table, kept] : older.rows) {
                EXPECT_THAT(now.at(table), testing::IsSupersetOf(kept))
                    << table << " from " << older.label << " to " << each.label();
            }
        }
        fill_every_table();
        auto const names = columns();
        passed.push_back({each.label(), names, rows(names)});
        EXPECT_EQ(passed.back().rows.size(), names.size()) << "every table has a row";
    }
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::done);
}

TEST_F(migration_data_test, goes_down_with_rows_in_every_table_and_leaves_nothing) {
    auto const files = embedded_migrations();
    std::string const before = fingerprint();
    runner(files).up();
    fill_every_table();
    runner(files).down(0);
    EXPECT_EQ(fingerprint(), before);
    EXPECT_EQ(value("SELECT count(*) FROM pg_class WHERE relnamespace::regnamespace::text !~ "
                    "'^(pg_|information_schema$|public$)'"),
              "0")
        << "partitions too";
    runner(files).up();
    EXPECT_EQ(runner(files).verify().code(), migrate_exit::done);
}

} // namespace
} // namespace tally::storage
