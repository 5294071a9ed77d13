#include "bench/e2e/peers_bench.hpp"

#include "bench/e2e/measurement.hpp"
#include "bench/e2e/totals.hpp"

#include <cstdlib>
#include <iostream>
#include <stdexcept>
#include <vector>

namespace tally::bench {
namespace {

std::string store_calls(test_bed& bed) {
    bed.renew_database();
    tallyd_process import{
        bed.order({"import", bed.calls_file().string(), "--format", "canonical"})};
    import.wait();
    database_link link{bed.connection_string()};
    return check_totals(link, bed.options().calls.records);
}

void run_script(test_bed& bed, std::filesystem::path const& script, double plain_rate) {
    auto const folder = bed.options().work_folder / "peers";
    std::filesystem::create_directory(folder);
    setenv("TALLY_PEERS_DATABASE", bed.connection_string().c_str(), 1);
    setenv("TALLY_PEERS_FOLDER", folder.c_str(), 1);
    setenv("TALLY_PEERS_PLAIN", fixed(plain_rate, 0).c_str(), 1);

    std::cout << std::flush;
    if (std::system(('\'' + script.string() + '\'').c_str()) != 0) {
        throw std::runtime_error{script.string() + " failed"};
    }
}

} // namespace

json_report bench_peers(test_bed& bed, std::filesystem::path const& script) {
    print_head(bed);
    auto const cost = store_calls(bed);

    std::vector<double> plain_rates;
    for (int run = 0; run < bed.options().runs; ++run) {
        auto const plain = measure_plain_copy(bed, cost);
        plain_rates.push_back(static_cast<double>(bed.options().calls.records) / plain.seen.wall_s);
    }

    run_script(bed, script, median(plain_rates));
    auto report = begin_report(bed);
    report.add("plain_copy_rows_per_s", median(plain_rates));
    return report;
}

} // namespace tally::bench
