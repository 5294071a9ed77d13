#include "bench/stages/priced_plan.hpp"
#include "bench/stages/slow_rater.hpp"
#include "rating/rater/rater.hpp"

#include <benchmark/benchmark.h>

// Measures the parts of a tariff with 200,000 prefixes: rating, finding a rate, building.

namespace tally::bench {
namespace {

/// Number of calls that the slow rater rates as well. It looks at every rate for each call.
constexpr std::size_t calls_checked = 400;

rating::allowance full_allowance(priced_plan const& priced) {
    return {0, priced.plan->head().included_s};
}

std::string complaint(priced_plan const& priced) {
    std::vector<rating::allowance> left(priced.subscribers, full_allowance(priced));
    auto slowly_left = left;
    for (std::size_t i = 0; i < priced.calls.size(); i += priced.calls.size() / calls_checked) {
        auto const& [call, subscriber, on_net] = priced.calls[i];
        auto const rated = rating::rate_call(call, *priced.plan, left[subscriber], on_net);
        auto const expected = slow_cost(call, *priced.plan, on_net, slowly_left[subscriber]);
        if (rated.error != ingest::record_error::none || rated.cost != expected ||
            left[subscriber] != slowly_left[subscriber]) {
            return "call " + std::to_string(i) + " costs " + rating::to_string(rated.cost) +
                   ", not " + rating::to_string(expected);
        }
    }
    return {};
}

void rate_kind(benchmark::State& state, plan_kind kind) {
    auto const priced = make_priced_plan(kind);
    if (auto const wrong = complaint(priced); !wrong.empty()) {
        state.SkipWithError(wrong.c_str());
        return;
    }

    // Every iteration begins with full allowances; the copy of them is not timed.
    std::vector<rating::allowance> const full(priced.subscribers, full_allowance(priced));
    for (auto _ : state) {
        state.PauseTiming();
        auto left = full;
        state.ResumeTiming();
        rating::amount_sum sum;
        for (auto const& [call, subscriber, on_net] : priced.calls) {
            sum += rating::rate_call(call, *priced.plan, left[subscriber], on_net).cost;
        }
        benchmark::DoNotOptimize(sum);
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(priced.calls.size()));
}

void find_rate(benchmark::State& state) {
    auto const priced = make_priced_plan(plan_kind::flat);
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
    auto const content = content_of(kind);
    for (auto _ : state) {
        state.PauseTiming();
        auto given = content;
        state.ResumeTiming();
        rating::tariff const built{std::move(given)};
        benchmark::DoNotOptimize(built.rates().size());
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(content.rates.size()));
}

BENCHMARK_CAPTURE(rate_kind, flat, plan_kind::flat)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rate_kind, stepped, plan_kind::stepped)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rate_kind, banded, plan_kind::banded)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rate_kind, allowance, plan_kind::allowance)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(rate_kind, all, plan_kind::all)->Unit(benchmark::kMillisecond);
BENCHMARK(find_rate)->Unit(benchmark::kMillisecond);
BENCHMARK(find_prefix)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_tariff, flat, plan_kind::flat)->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(build_tariff, banded, plan_kind::banded)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace tally::bench
