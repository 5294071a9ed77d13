#include "bench/stages/slow_rater.hpp"
#include "bench/stages/stage_data.hpp"
#include "rating/rater/rater.hpp"

#include <benchmark/benchmark.h>

// Measures rating: from a guided record to its cost, with the allowances of 20,000 subscriptions.

namespace tally::bench {
namespace {

/// Number of calls that the slow rater rates as well: enough for every kind of rate.
constexpr std::size_t calls_checked = 5'000;

std::vector<rating::allowance> full_allowances(rating::catalog const& catalog) {
    std::vector<rating::allowance> left(catalog.subscriptions());
    for (rating::catalog_index i = 0; i < left.size(); ++i) {
        auto const plan = catalog.subscription_at(i).plan;
        left[i].included_s = catalog.plan_at(plan).head().included_s;
    }
    return left;
}

std::string complaint(stage_data const& data) {
    auto left = full_allowances(*data.catalog);
    auto slowly_left = left;
    for (std::size_t i = 0; i < calls_checked; ++i) {
        auto const index = data.guided[i].subscription;
        auto const& call = data.decoded.cdrs[i];
        auto const& plan = data.catalog->plan_at(data.catalog->subscription_at(index).plan);
        auto const rated = rating::rate_call(call, plan, left[index]);
        auto const expected = slow_cost(call, plan, false, slowly_left[index]);
        if (rated.error != ingest::record_error::none || rated.cost != expected ||
            left[index] != slowly_left[index]) {
            return "call " + std::to_string(i) + " costs " + rating::to_string(rated.cost) +
                   ", not " + rating::to_string(expected);
        }
    }
    return {};
}

void rate_stage(benchmark::State& state) {
    auto const& data = data_with_prefixes(static_cast<std::uint32_t>(state.range(0)));
    if (auto const wrong = complaint(data); !wrong.empty()) {
        state.SkipWithError(wrong.c_str());
        return;
    }

    // Every iteration begins with full allowances; the copy of them is not timed.
    auto const full = full_allowances(*data.catalog);
    for (auto _ : state) {
        state.PauseTiming();
        auto left = full;
        state.ResumeTiming();
        rating::amount_sum sum;
        for (std::size_t i = 0; i < data.calls.size(); ++i) {
            auto const index = data.guided[i].subscription;
            auto const& plan = data.catalog->plan_at(data.catalog->subscription_at(index).plan);
            sum += rating::rate_call(data.decoded.cdrs[i], plan, left[index]).cost;
        }
        benchmark::DoNotOptimize(sum);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(data.calls.size()));
}

BENCHMARK(rate_stage)
    ->ArgName("prefixes")
    ->Arg(usual_prefixes)
    ->Arg(200'000)
    ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace tally::bench
