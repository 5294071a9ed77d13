#include "bench/e2e/test_bed.hpp"

#include "bench/support/call_text.hpp"
#include "bench/support/catalog_sql.hpp"

#include <fstream>
#include <stdexcept>
#include <sys/stat.h>

namespace tally::bench {
namespace {

constexpr auto catalog_database = "bench_catalog";
constexpr auto run_database = "bench_run";

storage::embedded_options server_options(bed_options const& options) {
    // The server's user needs to enter this folder.
    chmod(options.work_folder.c_str(), 0711);
    storage::embedded_options chosen;
    chosen.data_dir = options.work_folder / "data";
    return chosen;
}

/// CREATE DATABASE ... TEMPLATE does not copy the settings of ALTER DATABASE.
std::string settings_copier() {
    return "DO $$ DECLARE setting text; BEGIN "
           "FOR setting IN SELECT unnest(setconfig) FROM pg_db_role_setting s "
           "JOIN pg_database d ON d.oid = s.setdatabase "
           "WHERE s.setrole = 0 AND d.datname = '" +
           std::string{catalog_database} + "' LOOP EXECUTE format('ALTER DATABASE " + run_database +
           " SET %I = %s', split_part(setting, '=', 1), "
           "substr(setting, strpos(setting, '=') + 1)); END LOOP; END $$";
}

} // namespace

test_bed::test_bed(bed_options options)
    : options_{std::move(options)}, catalog_{make_sample_catalog(options_.catalog)},
      calls_file_{options_.work_folder / "calls.ndjson"}, server_{server_options(options_)} {
    server_.start();
    make_catalog_database();
    write_calls();
}

void test_bed::make_catalog_database() {
    database_link{server_.connection_string("postgres")}.execute(
        "CREATE DATABASE " + std::string{catalog_database} + " TEMPLATE template0");
    std::string const target = server_.connection_string(catalog_database);
    auto migration = order({"migrate", "up"});
    migration.environment = {"TALLYD_DATABASE_URL=" + target};
    tallyd_process{std::move(migration)}.wait();
    database_link link{target};
    link.run(catalog_sql(catalog_));
    link.execute("VACUUM (ANALYZE)");
}

void test_bed::write_calls() {
    std::ofstream out{calls_file_, std::ios::binary | std::ios::trunc};
    sample_calls source{catalog_, options_.calls};
    std::string line;
    for (sample_call call; source.next(call);) {
        line.clear();
        append_canonical(call, line);
        out << line;
    }
    out.close();
    if (!out) {
        throw std::runtime_error{"cannot write " + calls_file_.string()};
    }
}

void test_bed::renew_database() {
    std::string const name{run_database};
    database_link link{server_.connection_string("postgres")};
    link.execute("DROP DATABASE IF EXISTS " + name + " WITH (FORCE)");
    link.execute("CREATE DATABASE " + name + " TEMPLATE " + catalog_database);
    link.execute(settings_copier());
}

void test_bed::checkpoint() {
    database_link{connection_string()}.execute("CHECKPOINT");
}

std::string test_bed::connection_string() const {
    return server_.connection_string(run_database);
}

std::string test_bed::server_version() {
    return database_link{server_.connection_string("postgres")}.value("SHOW server_version");
}

std::int64_t test_bed::wal_bytes() {
    return std::stoll(database_link{server_.connection_string("postgres")}.value(
        "SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint"));
}

tallyd_process::order test_bed::order(std::vector<std::string> arguments) const {
    return {options_.tallyd,
            std::move(arguments),
            {"TALLYD_DATABASE_URL=" + connection_string(),
             "TALLYD_JOURNAL_DIR=" + (options_.work_folder / "journal").string()},
            options_.work_folder / "tallyd.log"};
}

} // namespace tally::bench
