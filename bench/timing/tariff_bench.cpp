#include "bench/stages/priced_plan.hpp"

#include <benchmark/benchmark.h>

// Measures the parts of a tariff with 200,000 prefixes: finding a rate, building.

namespace tally::bench {
namespace {

void find_rate(benchmark::State& state) {
    auto const priced = make_priced_plan(plan_kind::flat, many_prefixes);
    for (auto _ : state) {
        for (auto const& each : priced.calls) {
            auto const rate = priced.plan->find_index(each.call.destination.substr(1),
                                                      each.call.direction, each.call.answer, false);
            benchmark::DoNotOptimize(rate.index);
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(priced.calls.size()));
}

void find_prefix(benchmark::State& state) {
    auto const& data = data_with_prefixes(many_prefixes);
    std::vector<std::pair<std::string_view, std::uint32_t>> entries;
    for (auto const& prefix : data.sample.prefixes) {
        entries.emplace_back(prefix, static_cast<std::uint32_t>(entries.size()));
    }
    rating::prefix_index const index{entries};

    for (auto const& call : data.calls) {
        auto const found = index.longest(std::string_view{call.destination}.substr(1));
        if (found != rating::prefix_index::none &&
            !std::string_view{call.destination}.substr(1).starts_with(entries[found].first)) {
            state.SkipWithError("found a prefix that the number does not begin with");
            return;
        }
    }

    for (auto _ : state) {
        for (auto const& call : data.calls) {
            auto found = index.longest(std::string_view{call.destination}.substr(1));
            benchmark::DoNotOptimize(found);
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(data.calls.size()));
    state.counters["bytes_per_prefix"] =
        static_cast<double>(index.bytes()) / static_cast<double>(entries.size());
}

/// Builds a tariff from rates in memory; the load bench of bench_e2e loads them from PostgreSQL.
void build_tariff(benchmark::State& state, plan_kind kind) {
    auto const content = content_of(kind, many_prefixes);
    for (auto _ : state) {
        state.PauseTiming();
        auto given = content;
        state.ResumeTiming();
        rating::tariff const built{std::move(given)};
        benchmark::DoNotOptimize(built.rates().size());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(content.rates.size()));
}

BENCHMARK(find_rate)->Unit(benchmark::kMillisecond);
BENCHMARK(find_prefix)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_tariff, flat, plan_kind::flat)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_tariff, banded, plan_kind::banded)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace tally::bench
