#include "storage/postgres/sql_session.hpp"
#include "tests/support/private_postgres.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

// Rules for the whole schema, whichever migration created a table. Every exception is named here
// with its reason, and every rule is tried on something that breaks it.

namespace tally::storage {
namespace {

/// The catalog without partitions, PostgreSQL's own and the migration runner's.
constexpr auto views = R"sql(
CREATE TEMPORARY VIEW tables AS
    SELECT c.oid, c.relname::text AS name, c.oid::regclass::text AS full_name, c.relkind, c.reloptions
    FROM pg_class c
    WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition
      AND c.relnamespace::regnamespace::text !~ '^(pg_|information_schema$|public$)';
CREATE TEMPORARY VIEW columns AS
    SELECT t.oid, t.name AS table_name, t.full_name || '.' || a.attname AS full_name, a.attname::text AS name, a.attnum,
           a.atttypid::regtype::text AS type, format_type(a.atttypid, a.atttypmod) AS full_type, y.typtype,
           a.attnotnull, pg_get_expr(d.adbin, d.adrelid) AS expression, a.attgenerated
    FROM tables t JOIN pg_attribute a ON a.attrelid = t.oid JOIN pg_type y ON y.oid = a.atttypid
    LEFT JOIN pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
    WHERE a.attnum > 0 AND NOT a.attisdropped;
CREATE TEMPORARY VIEW row_triggers AS
    SELECT g.tgrelid, g.tgname::text AS name, p.proname::text AS function, g.tgtype, g.tgattr::int2[] AS columns
    FROM pg_trigger g JOIN pg_proc p ON p.oid = g.tgfoid WHERE NOT g.tgisinternal AND g.tgtype & 1 = 1;
-- what takes the whole load: facts, and the counters that batches move
CREATE TEMPORARY VIEW facts AS
    SELECT t.* FROM tables t JOIN ingest.partitioned_tables p ON to_regclass(p.table_name) = t.oid;
CREATE TEMPORARY VIEW counters (oid, full_name, moved) AS
    SELECT to_regclass(table_name)::oid, table_name, string_to_array(moved, ' ') FROM (VALUES
        ('billing.accounts', 'balance'),
        ('billing.subscription_usage', 'seconds_used included_seconds_used minutes_used included_minutes_used overage_minutes calls_count sms_used data_used_mb overage_cost total_cost last_usage_at version updated_at'),
        ('billing.subscription_metric_usage', 'quantity included_quantity_used cost version last_usage_at updated_at'),
        ('analytics.usage_aggregates_daily', 'events quantity billable_quantity cost updated_at'),
        ('analytics.feature_usage', 'uses_count last_used_at properties updated_at'),
        ('analytics.api_usage_daily', 'requests client_errors server_errors timed_requests duration_ms_total duration_ms_max request_bytes response_bytes updated_at'),
        ('analytics.error_groups', 'severity message occurrences last_seen_at updated_at')
    ) AS c(table_name, moved) WHERE to_regclass(table_name) IS NOT NULL;
-- written by the daemon alone
CREATE TEMPORARY VIEW hot AS
    SELECT oid, full_name FROM facts UNION ALL SELECT oid, full_name FROM counters WHERE full_name <> 'billing.accounts';
)sql";

/// A rule, and something that breaks it.
struct lint_rule {
    char const* name;
    char const* offenders; ///< first column: the objects that break the rule
    char const* breach;    ///< SQL that breaks it
    char const* offender;  ///< the object that is reported then
};

void PrintTo(lint_rule const& rule, std::ostream* out) {
    *out << rule.name;
}

constexpr lint_rule rules[] = {
    {"a_table_has_a_name_of_its_own",
     R"(SELECT relname FROM pg_class WHERE relkind IN ('r', 'p', 'v', 'm') AND NOT relispartition
        AND relnamespace::regnamespace::text !~ '^(pg_|information_schema$)'
        GROUP BY 1 HAVING count(*) > 1)",
     "CREATE TABLE analytics.dids ()", "dids"},
    {"a_table_is_found_by_the_search_path",
     R"(SELECT full_name FROM tables t WHERE NOT EXISTS (SELECT FROM pg_class WHERE oid = t.oid AND
        relnamespace::regnamespace::text = ANY (regexp_split_to_array((SELECT reset_val FROM
        pg_settings WHERE name = 'search_path'), ', *'))))",
     "CREATE SCHEMA hidden CREATE TABLE hidden.den ()", "hidden.den"},
    {"a_table_has_a_primary_key",
     R"(SELECT full_name FROM tables t
        WHERE NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = t.oid AND contype = 'p'))",
     "CREATE TABLE billing.wrong ()", "billing.wrong"},
    {"keys_of_billable_facts_begin_with_the_account",
     R"(SELECT conrelid::regclass || pg_get_constraintdef(oid) FROM pg_constraint k
        WHERE contype = 'p' AND conrelid IN ('billing.cdrs'::regclass, to_regclass('analytics.usage_events'),
            'analytics.usage_aggregates_daily'::regclass, to_regclass('analytics.usage_aggregates_monthly'))
        AND (SELECT name FROM columns c WHERE c.oid = conrelid AND attnum = conkey[1]) <> 'account_id')",
     R"(ALTER TABLE analytics.usage_aggregates_daily DROP CONSTRAINT usage_aggregates_daily_pkey,
        ADD PRIMARY KEY (day, account_id, subscription_id, metric))",
     "analytics.usage_aggregates_dailyPRIMARY KEY (day, account_id, subscription_id, metric)"},
    {"a_hot_table_has_no_row_trigger",
     "SELECT hot.full_name FROM row_triggers JOIN hot ON oid = tgrelid",
     R"(CREATE TRIGGER slow BEFORE UPDATE ON billing.subscription_usage FOR EACH ROW
        EXECUTE FUNCTION public.update_updated_at_column())",
     "billing.subscription_usage"},
    {"no_trigger_watches_a_balance",
     R"(SELECT t.name FROM row_triggers t JOIN columns c ON c.oid = tgrelid WHERE tgrelid =
        'billing.accounts'::regclass AND tgtype & 16 = 16 AND c.name IN ('balance', 'updated_at')
        AND (cardinality(t.columns) = 0 OR c.attnum = ANY (t.columns)))",
     R"(CREATE TRIGGER slow BEFORE UPDATE OF balance ON billing.accounts FOR EACH ROW
        EXECUTE FUNCTION public.update_updated_at_column())",
     "slow"},
    {"an_open_partition_of_records_carries_one_index",
     R"(SELECT full_name FROM tables t WHERE full_name IN ('billing.cdrs', 'analytics.usage_events')
        AND 1 <> (SELECT count(*) FROM pg_index WHERE indrelid = t.oid))",
     "CREATE INDEX ON billing.cdrs (uuid)", "billing.cdrs"},
    // audit_logs and license_audit_events are written by hand too, so their ids have defaults.
    {"a_hot_table_has_no_volatile_default",
     R"(SELECT full_name FROM columns WHERE oid IN (SELECT oid FROM hot)
        AND full_name NOT IN ('identity.audit_logs.id', 'licensing.license_audit_events.id')
        AND EXISTS (SELECT FROM regexp_matches(expression, '(\w+)\(', 'g') AS f
                    JOIN pg_proc ON proname = f[1] WHERE provolatile = 'v'))",
     "ALTER TABLE billing.cdrs ALTER batch_id SET DEFAULT public.uuid_v7()",
     "billing.cdrs.batch_id"},
    {"an_index_serves_every_foreign_key",
     R"(SELECT conname FROM pg_constraint k JOIN tables t ON t.oid = conrelid
        WHERE contype = 'f' AND conparentid = 0 AND NOT EXISTS (
            SELECT FROM pg_index i WHERE indrelid = conrelid AND indisvalid
            AND (indkey::int2[])[0:cardinality(conkey) - 1] @> conkey
            AND coalesce(pg_get_expr(indpred, indrelid), '') IN ('', format('(%I IS NOT NULL)',
                (SELECT name FROM columns c WHERE c.oid = conrelid AND attnum = conkey[1])))))",
     "DROP INDEX billing.dids_subscription_id_idx", "dids_subscription_id_fkey"},
    {"a_foreign_key_says_what_a_delete_does",
     "SELECT conname FROM pg_constraint WHERE contype = 'f' AND confdeltype NOT IN ('r', 'c', 'n')",
     R"(CREATE TABLE billing.wrong (id uuid PRIMARY KEY
        CONSTRAINT wrong_fkey REFERENCES billing.dids (id)))",
     "wrong_fkey"},
    {"a_column_that_a_delete_sets_to_null_may_be_null",
     R"(SELECT full_name FROM pg_constraint k JOIN columns c ON c.oid = conrelid AND
        attnum = ANY (conkey) WHERE contype = 'f' AND confdeltype = 'n' AND attnotnull)",
     "ALTER TABLE billing.dids ALTER subscription_id SET NOT NULL", "billing.dids.subscription_id"},
    {"a_table_is_explained",
     "SELECT full_name FROM tables WHERE coalesce(obj_description(oid, 'pg_class'), '') = ''",
     "COMMENT ON TABLE billing.dids IS NULL", "billing.dids"},
    {"a_view_is_explained",
     R"(SELECT oid::regclass FROM pg_class WHERE relkind IN ('v', 'm') AND relnamespace::regnamespace::text
        !~ '^(pg_|information_schema$)' AND obj_description(oid, 'pg_class') IS NULL)",
     "CREATE VIEW billing.wrong AS SELECT 1 AS one", "billing.wrong"},
    {"a_function_is_explained",
     R"(SELECT proname FROM pg_proc WHERE pronamespace::regnamespace::text
        !~ '^(pg_|information_schema$)' AND obj_description(oid, 'pg_proc') IS NULL)",
     "COMMENT ON FUNCTION public.uuid_v7() IS NULL", "uuid_v7"},
    {"a_schema_is_explained",
     R"(SELECT nspname FROM pg_namespace WHERE nspname !~ '^(pg_|information_schema$|public$)'
        AND obj_description(oid, 'pg_namespace') IS NULL)",
     "CREATE SCHEMA wrong", "wrong"},
    {"a_row_says_when_it_was_made",
     R"(SELECT full_name FROM tables t WHERE NOT EXISTS (SELECT FROM columns c WHERE c.oid = t.oid AND
        name = 'created_at' AND type = 'timestamp with time zone' AND attnotnull))",
     "ALTER TABLE billing.dids DROP created_at", "billing.dids"},
    // The daemon sets updated_at of its own tables: a trigger would slow every batch down.
    {"a_row_says_when_it_was_changed",
     R"(SELECT full_name FROM columns c WHERE name = 'updated_at' AND oid NOT IN (SELECT oid FROM hot)
        AND table_name NOT IN ('positions', 'usage_aggregates_monthly') AND NOT EXISTS (
            SELECT FROM row_triggers WHERE tgrelid = c.oid AND tgtype & 18 = 18
            AND function = 'update_updated_at_column'))",
     "DROP TRIGGER dids_updated_at ON billing.dids", "billing.dids.updated_at"},
    {"nothing_is_a_float_or_a_time_without_zone_or_text_json",
     R"(SELECT full_name FROM columns WHERE type IN ('real', 'double precision', 'money', 'json',
        'timestamp without time zone', 'time with time zone'))",
     "ALTER TABLE billing.dids ADD weight real", "billing.dids.weight"},
    // event_state is a document: what events stated.
    {"a_state_is_of_an_enum_type",
     R"(SELECT full_name FROM columns WHERE name ~ '(^|_)(status|state|severity|role)$'
        AND typtype <> 'e' AND type NOT IN ('integer', 'jsonb') AND full_name <> 'billing.customers.state')",
     "ALTER TABLE billing.dids ADD port_status text", "billing.dids.port_status"},
    // Tariffs are in the currency of their plan; a batch's cost is a control sum over all.
    {"money_has_a_currency_beside_it",
     R"(SELECT full_name FROM columns c WHERE full_type ~ '^numeric\((20|24),[69]\)$'
        AND name ~ '(price|cost|amount|balance|fee|total|tax|threshold|credit|minimum|maximum|earn|paid)'
        AND table_name !~ '^(rates|rate_steps|metric_prices|metric_tiers|batches)$'
        AND NOT EXISTS (SELECT FROM columns d WHERE d.oid = c.oid AND d.name = 'currency'
                        AND d.full_type = 'character(3)'))",
     "ALTER TABLE billing.accounts RENAME currency TO coin", "billing.accounts.balance"},
    // The daemon writes its own tables from checked ones.
    {"a_currency_is_three_capitals",
     R"(SELECT full_name FROM columns c WHERE name = 'currency' AND oid NOT IN (SELECT oid FROM hot)
        AND table_name <> 'usage_aggregates_monthly' AND NOT EXISTS (
            SELECT FROM pg_constraint k WHERE conrelid = c.oid AND contype = 'c'
            AND conkey = ARRAY[c.attnum] AND pg_get_constraintdef(k.oid) ~ 'A-Z'))",
     "ALTER TABLE billing.dids DROP CONSTRAINT dids_currency_check", "billing.dids.currency"},
    // A step's price may be negative (a discount from a minute on).
    {"what_can_only_be_positive_is_bounded",
     R"(SELECT full_name FROM columns c WHERE type IN ('numeric', 'integer', 'bigint', 'smallint')
        AND attgenerated = '' AND oid NOT IN (SELECT oid FROM facts)
        AND name ~ '(price|amount|fee|seats|sessions|duration|percent|attempts|_count$|minutes|credit)'
        AND full_name <> 'billing.rate_steps.price' AND NOT EXISTS (
            SELECT FROM pg_constraint k WHERE conrelid = c.oid AND contype = 'c'
            AND c.attnum = ANY (conkey) AND pg_get_constraintdef(k.oid) !~ 'NaN'))",
     "ALTER TABLE billing.accounts DROP CONSTRAINT accounts_credit_limit_check",
     "billing.accounts.credit_limit"},
    // NaN is greater than every number, so ">= 0" accepts it. The daemon's own rows have computed
    // numbers.
    {"no_number_that_people_write_is_nan",
     R"(SELECT full_name FROM columns c WHERE type = 'numeric' AND attgenerated = '' AND oid NOT IN (SELECT oid FROM hot)
        AND table_name !~ '^(usage_aggregates_monthly|batches|rerate_runs|cdr_adjustments)$' AND NOT EXISTS (
            SELECT FROM pg_constraint k WHERE conrelid = c.oid AND contype = 'c' AND c.attnum = ANY (conkey)
            AND pg_get_constraintdef(k.oid) ~ ('NaN|' || c.name || ' <= \(?100')))",
     "ALTER TABLE billing.accounts DROP CONSTRAINT accounts_no_nan", "billing.accounts.balance"},
    {"a_counter_table_leaves_room_on_its_pages",
     R"(SELECT full_name FROM counters c JOIN pg_class USING (oid) WHERE coalesce(substring(
        array_to_string(reloptions, ',') FROM 'fillfactor=(\d+)')::int, 100) NOT BETWEEN 50 AND 70)",
     "ALTER TABLE billing.subscription_usage RESET (fillfactor)", "billing.subscription_usage"},
    {"no_index_hinders_a_counters_update",
     R"(SELECT k.full_name FROM pg_index JOIN counters c ON c.oid = indrelid
        JOIN columns k ON k.oid = indrelid AND (k.attnum = ANY (indkey::int2[]) OR
            concat(pg_get_expr(indexprs, indrelid), pg_get_expr(indpred, indrelid)) ~ ('\m' || k.name || '\M'))
        WHERE k.name = ANY (c.moved))",
     "CREATE INDEX ON billing.accounts (id) WHERE balance < 0", "billing.accounts.balance"},
    {"a_function_has_its_own_search_path",
     R"(SELECT proname FROM pg_proc JOIN pg_language l ON l.oid = prolang
        WHERE pronamespace::regnamespace::text !~ '^(pg_|information_schema$)' AND lanname = 'plpgsql'
        AND coalesce(array_to_string(proconfig, ','), '') !~ 'search_path=')",
     "ALTER FUNCTION public.update_updated_at_column() RESET search_path",
     "update_updated_at_column"},
};

/// One database for all rules: each violation is rolled back.
std::string const& lint_database() {
    static std::string const database = tests::private_postgres::shared().migrated_database();
    return database;
}

class schema_lint_test : public testing::TestWithParam<lint_rule> {
  protected:
    sql_session session_{lint_database(), "test"};

    void SetUp() override {
        session_.execute(std::string{"SET search_path = pg_temp, pg_catalog;"} + views);
    }

    /// First column of all rows, one per line.
    std::string names(std::string const& sql) {
        std::string text;
        for (sql_row const& row : session_.query(sql)) {
            text += row[0].value_or("NULL") + "\n";
        }
        return text;
    }
};

TEST_P(schema_lint_test, holds) {
    EXPECT_EQ(names(GetParam().offenders), "");
    sql_transaction const broken{session_};
    session_.execute(GetParam().breach);
    EXPECT_THAT(names(GetParam().offenders), testing::HasSubstr(GetParam().offender));
}

INSTANTIATE_TEST_SUITE_P(rule, schema_lint_test, testing::ValuesIn(rules),
                         [](auto const& rule) { return std::string{rule.param.name}; });

TEST_F(schema_lint_test, looks_at_every_table) {
    EXPECT_GE(std::stoi(*session_.query_value("SELECT count(*) FROM tables")), 55);
    EXPECT_EQ(names("SELECT full_name FROM facts ORDER BY 1"),
              "affiliates.affiliate_clicks\nanalytics.api_usage\nanalytics.error_logs\n"
              "analytics.usage_events\nbilling.cdrs\nidentity.audit_logs\n"
              "licensing.license_audit_events\n");
    EXPECT_EQ(names("SELECT c.full_name FROM counters c, unnest(moved) AS moved_name WHERE NOT "
                    "EXISTS (SELECT FROM columns k WHERE k.oid = c.oid AND name = moved_name)"),
              "");
}

} // namespace
} // namespace tally::storage
