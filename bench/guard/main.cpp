#include "bench/stages/stage.hpp"

#include <valgrind/callgrind.h>

#include <cstdio>
#include <functional>

// bench_guard: one pass of each stage for callgrind, which counts nothing else and writes a file
// for each. Without valgrind it only checks the results. Prints the kind of code that ran, then
// each stage with its number of records. bench/guard/run reads both.

namespace tally::bench {
namespace {

struct guarded_stage {
    char const* name;
    std::function<std::unique_ptr<stage>()> make;
};

std::function<std::unique_ptr<stage>()> kind_maker(plan_kind kind) {
    return [kind] { return make_rate_kind_stage(kind, usual_prefixes); };
}

std::vector<guarded_stage> guarded_stages() {
    return {
        {"decode/canonical", [] { return make_decode_stage("canonical"); }},
        {"decode/freeswitch", [] { return make_decode_stage("freeswitch"); }},
        {"decode/asterisk", [] { return make_decode_stage("asterisk"); }},
        {"guide", make_guide_stage},
        {"rate", [] { return make_rate_stage(usual_prefixes); }},
        {"rate/flat", kind_maker(plan_kind::flat)},
        {"rate/stepped", kind_maker(plan_kind::stepped)},
        {"rate/banded", kind_maker(plan_kind::banded)},
        {"rate/allowance", kind_maker(plan_kind::allowance)},
        {"rate/all", kind_maker(plan_kind::all)},
        {"encode", make_encode_stage},
    };
}

/// What decides how many instructions the same source takes: the compiler, and the instructions
/// that simdjson and libc find in the processor.
void print_code_kind() {
#ifdef __clang__
    std::printf("code clang-%d", __clang_major__);
#else
    std::printf("code gcc-%d", __GNUC__);
#endif
#ifdef __x86_64__
    std::printf("-x86_64%s\n", __builtin_cpu_supports("avx2") != 0 ? "-avx2" : "");
#else
    std::printf("-other\n");
#endif
}

/// False when the result is wrong.
bool measure(guarded_stage const& guarded) {
    auto const measured = guarded.make();
    if (auto const wrong = measured->complaint(); !wrong.empty()) {
        std::fprintf(stderr, "bench_guard: %s: %s\n", guarded.name, wrong.c_str());
        return false;
    }

    // A pass before the one that counts, since the first one also binds functions.
    measured->rewind();
    measured->pass();
    measured->rewind();

    CALLGRIND_START_INSTRUMENTATION;
    measured->pass();
    CALLGRIND_STOP_INSTRUMENTATION;
    CALLGRIND_DUMP_STATS_AT(guarded.name);

    std::printf("stage %s %zu\n", guarded.name, measured->records());
    return true;
}

} // namespace
} // namespace tally::bench

int main() {
    tally::bench::print_code_kind();
    for (auto const& guarded : tally::bench::guarded_stages()) {
        if (!tally::bench::measure(guarded)) {
            return 1;
        }
    }
    return 0;
}
