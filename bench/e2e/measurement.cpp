#include "bench/e2e/measurement.hpp"

#include "bench/e2e/machine.hpp"

#include <iostream>
#include <stdexcept>
#include <sys/resource.h>

namespace tally::bench {
namespace {

double own_cpu_s() {
    rusage used{};
    getrusage(RUSAGE_SELF, &used);
    auto const seconds = [](timeval const& t) {
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
    };
    return seconds(used.ru_utime) + seconds(used.ru_stime);
}

void print(std::string label, measurement const& seen, double records) {
    label.resize(14, ' ');
    std::cout << "  " << label << thousands(records / seen.wall_s) << " rows/s, "
              << fixed(seen.wall_s, 2) << " s  (client CPU " << fixed(seen.client_cpu_s, 2)
              << " s, server CPU " << fixed(seen.server_cpu_s, 2) << " s, WAL "
              << megabytes(static_cast<double>(seen.wal_bytes));
    if (seen.memory_max_kb != 0) {
        std::cout << ", tallyd's memory at most "
                  << megabytes(static_cast<double>(seen.memory_max_kb) * 1024);
    }
    std::cout << ")" << std::endl;
}

} // namespace

server_meter::server_meter(test_bed& bed) : bed_{bed} {
    bed.checkpoint();
    wal_before_ = bed.wal_bytes();
    cpu_before_s_ = server_cpu_seconds(bed.server_pid());
}

void server_meter::read(measurement& into) {
    into.server_cpu_s = server_cpu_seconds(bed_.server_pid()) - cpu_before_s_;
    into.wal_bytes = bed_.wal_bytes() - wal_before_;
}

copied measure_plain_copy(test_bed& bed, std::string const& cost) {
    // COPY gets the rows that tallyd has stored, so both write the same data.
    database_link link{bed.connection_string()};
    finished_rows const rows = take_finished_rows(link);
    link.execute("TRUNCATE billing.cdrs");

    copied result;
    result.bytes = rows.bytes;
    server_meter meter{bed};
    double const cpu_before_s = own_cpu_s();
    result.seen.wall_s = copy_rows(bed.connection_string(), rows);
    result.seen.client_cpu_s = own_cpu_s() - cpu_before_s;
    meter.read(result.seen);

    auto const stored = link.row("SELECT count(*), sum(cost) FROM billing.cdrs");
    if (stored[0] != std::to_string(rows.rows) || stored[1] != cost) {
        throw std::runtime_error{"plain COPY stored " + stored[0] + " rows of cost " + stored[1]};
    }
    return result;
}

void comparison::add(measurement const& ours, copied const& plain, std::string const& cost) {
    our_rates_.push_back(records_ / ours.wall_s);
    plain_rates_.push_back(records_ / plain.seen.wall_s);
    ratios_.push_back(plain.seen.wall_s / ours.wall_s);
    std::cout << "run " << ratios_.size() << "     all sums agree: " << cost << " "
              << sample_catalog::currency << "; the rows are "
              << megabytes(static_cast<double>(plain.bytes)) << " of binary COPY\n";
    print(label_, ours, records_);
    print("plain COPY", plain.seen, records_);
}

void comparison::print_medians() const {
    std::cout << "median    " << label_ << " " << thousands(median(our_rates_))
              << " rows/s, plain COPY " << thousands(median(plain_rates_)) << " rows/s\nratio     "
              << fixed(median(ratios_), 2) << " of plain COPY (median of the runs' ratios)"
              << std::endl;
}

void comparison::add_medians(json_report& report) const {
    report.add("rows_per_s", median(our_rates_));
    report.add("plain_copy_rows_per_s", median(plain_rates_));
    report.add("ratio", median(ratios_));
}

json_report begin_report(test_bed& bed) {
    auto const& options = bed.options();
    json_report report;
    report.add("machine", describe_machine());
    report.add("server", bed.server_version());
    report.add("records", static_cast<double>(options.calls.records));
    report.add("subscriptions", options.catalog.subscriptions);
    report.add("prefixes", options.catalog.prefixes);
    report.add("runs", options.runs);
    return report;
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
              << " of canonical NDJSON" << std::endl;
}

} // namespace tally::bench
