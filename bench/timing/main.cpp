#include "bench/stages/stage.hpp"

#include <benchmark/benchmark.h>

#include <functional>

// bench_stages: the time of each stage, and of the parts of a tariff (tariff_bench.cpp).

namespace tally::bench {
namespace {

using stage_maker = std::function<std::unique_ptr<stage>()>;

void measure(benchmark::State& state, stage_maker const& make) {
    auto const measured = make();
    if (auto const wrong = measured->complaint(); !wrong.empty()) {
        state.SkipWithError(wrong.c_str());
        return;
    }

    for (auto _ : state) {
        state.PauseTiming();
        measured->rewind();
        state.ResumeTiming();
        measured->pass();
    }

    auto const passes = state.iterations();
    state.SetItemsProcessed(passes * static_cast<std::int64_t>(measured->records()));
    if (measured->bytes() != 0) {
        state.SetBytesProcessed(passes * static_cast<std::int64_t>(measured->bytes()));
    }
}

void add(char const* name, stage_maker make) {
    benchmark::RegisterBenchmark(name, [make = std::move(make)](benchmark::State& state) {
        measure(state, make);
    })->Unit(benchmark::kMillisecond);
}

void add_kind(char const* name, plan_kind kind) {
    add(name, [kind] { return make_rate_kind_stage(kind, many_prefixes); });
}

void add_stages() {
    add("decode_stage/canonical", [] { return make_decode_stage("canonical"); });
    add("decode_stage/freeswitch", [] { return make_decode_stage("freeswitch"); });
    add("decode_stage/asterisk", [] { return make_decode_stage("asterisk"); });
    add("guide_stage", make_guide_stage);
    add("rate_stage/prefixes:4000", [] { return make_rate_stage(usual_prefixes); });
    add("rate_stage/prefixes:200000", [] { return make_rate_stage(many_prefixes); });
    add_kind("rate_kind/flat", plan_kind::flat);
    add_kind("rate_kind/stepped", plan_kind::stepped);
    add_kind("rate_kind/banded", plan_kind::banded);
    add_kind("rate_kind/allowance", plan_kind::allowance);
    add_kind("rate_kind/all", plan_kind::all);
    add("encode_stage", make_encode_stage);
}

} // namespace
} // namespace tally::bench

int main(int argc, char** argv) {
    tally::bench::add_stages();
    benchmark::Initialize(&argc, argv);
    if (benchmark::ReportUnrecognizedArguments(argc, argv)) {
        return 1;
    }
    benchmark::RunSpecifiedBenchmarks();
    benchmark::Shutdown();
    return 0;
}
