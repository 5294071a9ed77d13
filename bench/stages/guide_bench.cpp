#include "bench/stages/stage_data.hpp"

#include <benchmark/benchmark.h>

// Measures guiding: from a record to the subscription that pays for it.

namespace tally::bench {
namespace {

void guide_stage(benchmark::State& state) {
    auto const& data = data_with_prefixes(usual_prefixes);
    for (std::size_t i = 0; i < data.calls.size(); ++i) {
        if (data.guided[i].subscription != data.calls[i].subscriber) {
            state.SkipWithError("a call was guided to another subscription");
            return;
        }
    }
    for (auto _ : state) {
        for (auto const& call : data.decoded.cdrs) {
            auto found = rating::guide(call, *data.catalog);
            benchmark::DoNotOptimize(found);
        }
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(data.calls.size()));
}

BENCHMARK(guide_stage)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace tally::bench
