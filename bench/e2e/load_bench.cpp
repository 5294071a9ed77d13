#include "bench/e2e/load_bench.hpp"

#include "bench/e2e/machine.hpp"
#include "bench/e2e/measurement.hpp"
#include "storage/catalog/loader.hpp"

#include <chrono>
#include <cstdio>
#include <ctime>
#include <malloc.h>
#include <stdexcept>
#include <vector>

namespace tally::bench {
namespace {

std::size_t memory_in_use() {
    auto const seen = ::mallinfo2();
    return seen.uordblks + seen.hblkhd;
}

void keep_one_plan(test_bed& bed) {
    bed.renew_database();
    database_link link{bed.connection_string()};
    link.execute("DELETE FROM billing.rates WHERE rate_plan_id <>"
                 " (SELECT id FROM billing.rate_plans ORDER BY code LIMIT 1)");
    link.execute("VACUUM ANALYZE billing.rates, billing.rate_steps");
}

void check(storage::expected<storage::loaded_catalog> const& loaded, test_bed& bed) {
    if (!loaded.ok() || loaded->warnings.count() > 0) {
        throw std::runtime_error{"the catalog was not loaded whole: " + loaded.status().detail};
    }
    std::size_t rates = 0;
    for (rating::catalog_index i = 0; i < loaded->catalog->plans(); ++i) {
        rates += loaded->catalog->plan_at(i).rates().size();
    }
    if (rates != bed.options().catalog.prefixes + std::size_t{1}) { // one more for inbound calls
        throw std::runtime_error{std::to_string(rates) + " rates were loaded"};
    }
}

} // namespace

json_report bench_load(test_bed& bed) {
    std::printf("%s\n", describe_machine().c_str());
    keep_one_plan(bed);

    std::vector<double> seconds;
    double bytes = 0;
    for (int run = 0; run < bed.options().runs; ++run) {
        auto const before = memory_in_use();

        // Only the load is timed, not the check of its result.
        double const server_before_s = server_cpu_seconds(bed.server_pid());
        auto const cpu_before = std::clock();
        auto const begin = std::chrono::steady_clock::now();
        auto const loaded = storage::load_catalog(bed.connection_string());
        seconds.push_back(
            std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
        double const cpu_s = static_cast<double>(std::clock() - cpu_before) / CLOCKS_PER_SEC;

        check(loaded, bed);
        bytes = static_cast<double>(memory_in_use() - before);
        std::printf("load %d: %.3f s (CPU: %.3f s, server %.3f s)\n", run + 1, seconds.back(),
                    cpu_s, server_cpu_seconds(bed.server_pid()) - server_before_s);
    }

    std::printf("%u prefixes, %u subscriptions: %.3f s (median), %.1f MB kept\n",
                bed.options().catalog.prefixes, bed.options().catalog.subscriptions,
                median(seconds), bytes / 1e6);
    auto report = begin_report(bed);
    report.add("seconds", median(seconds));
    report.add("megabytes", bytes / 1e6);
    return report;
}

} // namespace tally::bench
