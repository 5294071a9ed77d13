#include "bench/e2e/import_bench.hpp"

#include "bench/e2e/machine.hpp"
#include "bench/e2e/plain_copy.hpp"
#include "bench/e2e/report.hpp"
#include "bench/e2e/totals.hpp"

#include <iostream>
#include <stdexcept>
#include <sys/resource.h>

namespace tally::bench {
namespace {

/// One way of storing all the calls, measured once.
struct measurement {
    double wall_s = 0;
    double client_cpu_s = 0; ///< of tallyd, or of the program that feeds COPY
    double server_cpu_s = 0; ///< of all of PostgreSQL's processes
    std::int64_t wal_bytes = 0;
    long memory_max_kb = 0; ///< of tallyd
};

double own_cpu_s() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    auto const seconds = [](timeval const& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

/// Runs `work`, which fills in all but what the server used.
template <typename Work>
measurement measure(test_bed& bed, Work work) {
    bed.checkpoint();
    double const server_before_s = server_cpu_seconds(bed.server_pid());
    std::int64_t const wal_before = bed.wal_bytes();
    measurement seen = work();
    seen.wal_bytes = bed.wal_bytes() - wal_before;
    seen.server_cpu_s = server_cpu_seconds(bed.server_pid()) - server_before_s;
    return seen;
}

measurement measure_import(test_bed& bed) {
    return measure(bed, [&] {
        tallyd_process import{
            bed.order({"import", bed.calls_file().string(), "--format", "canonical"})};
        process_cost const cost = import.wait();
        return measurement{cost.wall_s, cost.user_s + cost.system_s, 0, 0, cost.memory_max_kb};
    });
}

measurement measure_copy(test_bed& bed, finished_rows const& rows) {
    return measure(bed, [&] {
        double const cpu_before_s = own_cpu_s();
        double const wall_s = copy_rows(bed.connection_string(), rows);
        return measurement{wall_s, own_cpu_s() - cpu_before_s, 0, 0, 0};
    });
}

void print(std::string_view what, measurement const& seen, double records) {
    std::cout << "  " << what << "  " << thousands(records / seen.wall_s) << " rows/s  "
              << fixed(seen.wall_s, 2) << " s  (client CPU " << fixed(seen.client_cpu_s, 2)
              << " s, server CPU " << fixed(seen.server_cpu_s, 2) << " s, WAL "
              << megabytes(static_cast<double>(seen.wal_bytes));
    if (seen.memory_max_kb != 0) {
        std::cout << ", tallyd's memory "
                  << megabytes(static_cast<double>(seen.memory_max_kb) * 1024);
    }
    std::cout << ")" << std::endl;
}

void print_head(test_bed& bed) {
    auto const& options = bed.options();
    bool const is_zipf = options.calls.kind == popularity_kind::zipf;
    std::cout << "machine   " << describe_machine() << ", PostgreSQL " << bed.server_version()
              << " on the same cores\n"
              << "work      " << options.calls.records << " calls over " << options.calls.days
              << " days, " << options.catalog.subscriptions << " subscriptions ("
              << (is_zipf ? "Zipf" : "uniform") << "), " << options.catalog.prefixes
              << " prefixes a plan\n"
              << "file      "
              << megabytes(static_cast<double>(std::filesystem::file_size(bed.calls_file())))
              << " of canonical NDJSON\n";
}

/// Checks that COPY stored what the import had stored.
void check_copied(database_link& link, finished_rows const& rows, std::string const& cost) {
    auto const stored = link.row("SELECT count(*), sum(cost) FROM billing.cdrs");
    if (stored[0] != std::to_string(rows.rows) || stored[1] != cost) {
        throw std::runtime_error{"plain COPY stored " + stored[0] + " rows of cost " + stored[1]};
    }
}

} // namespace

void bench_import(test_bed& bed) {
    print_head(bed);
    auto const records = static_cast<double>(bed.options().calls.records);
    std::vector<double> import_rates;
    std::vector<double> copy_rates;
    std::vector<double> ratios;
    for (int run = 1; run <= bed.options().runs; ++run) {
        bed.renew_database();
        auto const import = measure_import(bed);
        database_link link{bed.connection_string()};
        auto const cost = check_totals(link, bed.options().calls.records);
        finished_rows const rows = take_finished_rows(link);
        link.execute("TRUNCATE billing.cdrs");
        auto const copy = measure_copy(bed, rows);
        check_copied(link, rows, cost);
        std::cout << "run " << run << "  all sums agree: " << cost << " "
                  << sample_catalog::currency << "; rows are "
                  << megabytes(static_cast<double>(rows.bytes)) << " of binary COPY\n";
        print("tallyd import", import, records);
        print("plain COPY   ", copy, records);
        import_rates.push_back(records / import.wall_s);
        copy_rates.push_back(records / copy.wall_s);
        ratios.push_back(copy.wall_s / import.wall_s);
    }
    std::cout << "median    tallyd import " << thousands(median(import_rates))
              << " rows/s, plain COPY " << thousands(median(copy_rates)) << " rows/s\nratio     "
              << fixed(median(ratios), 2) << " of plain COPY (median of the runs' ratios)"
              << std::endl;
}

} // namespace tally::bench
