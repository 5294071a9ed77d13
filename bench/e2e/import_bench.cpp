#include "bench/e2e/import_bench.hpp"

#include "bench/e2e/measurement.hpp"
#include "bench/e2e/totals.hpp"

namespace tally::bench {
namespace {

measurement measure_import(test_bed& bed) {
    server_meter meter{bed};
    tallyd_process import{
        bed.order({"import", bed.calls_file().string(), "--format", "canonical"})};
    process_cost const cost = import.wait();
    measurement seen{cost.wall_s, cost.user_s + cost.system_s, 0, 0, cost.memory_max_kb};
    meter.read(seen);
    return seen;
}

} // namespace

json_report bench_import(test_bed& bed) {
    print_head(bed);
    auto const records = bed.options().calls.records;
    comparison seen{"tallyd import", static_cast<double>(records)};
    for (int run = 0; run < bed.options().runs; ++run) {
        bed.renew_database();
        auto const import = measure_import(bed);
        database_link link{bed.connection_string()};
        auto const cost = check_totals(link, records);
        seen.add(import, measure_plain_copy(bed, cost), cost);
    }
    seen.print_medians();
    auto report = begin_report(bed);
    seen.add_medians(report);
    return report;
}

} // namespace tally::bench
