#include "bench/stages/stage_data.hpp"
#include "bench/support/call_text.hpp"
#include "ingest/formats/formats.hpp"

#include <benchmark/benchmark.h>

// Measures decoding, for each format as its sender sends it: NDJSON and CSV in pieces of a file,
// FreeSWITCH with one body per call.

namespace tally::bench {
namespace {

using append_fn = void (*)(sample_call const&, std::string&);

struct decode_case {
    char const* format;
    char const* content_type;
    append_fn append;
    std::size_t body_bytes; ///< about; 0: one record a body
    std::size_t records;
    bool keeps_id; ///< the format carries the call's uuid
};

/// The size of the pieces into which tallyd import cuts files.
constexpr std::size_t piece_bytes = 1024 * 1024;

std::vector<ingest::record_batch> bodies_of(decode_case const& input,
                                            std::vector<sample_call> const& calls) {
    std::vector<ingest::record_batch> batches;
    std::string body;
    for (std::size_t i = 0; i < input.records; ++i) {
        input.append(calls[i], body);
        if (body.size() >= input.body_bytes || i + 1 == input.records) {
            batches.emplace_back().set_body(std::move(body));
            body = {};
        }
    }
    return batches;
}

/// The fault of the decoded records; empty when they equal the calls.
std::string complaint(decode_case const& input, std::vector<sample_call> const& calls,
                      std::vector<ingest::record_batch> const& batches) {
    std::size_t index = 0;
    for (auto const& batch : batches) {
        for (auto const& record : batch.cdrs) {
            auto const& call = calls[index++];
            // Not every format has milliseconds, a plus sign, or the direction.
            auto const number = std::string_view{call.destination}.substr(1);
            if (ingest::whole_second(record.start) != ingest::whole_second(call.start) ||
                !record.destination.ends_with(number) ||
                record.billsec_ms / 1000 != call.billsec_s() ||
                (input.keeps_id && record.id != call.id)) {
                return "call " + std::to_string(index - 1) + " was decoded wrongly";
            }
        }
    }
    return index == input.records ? "" : std::to_string(index) + " calls were decoded";
}

void decode_stage(benchmark::State& state, decode_case const& input) {
    auto const& calls = data_with_prefixes(usual_prefixes).calls;
    auto const& in_format = *ingest::find_format(input.format);

    // The first run fills the batches' memory, and its result is checked before time counts.
    auto batches = bodies_of(input, calls);
    std::size_t bytes = 0;
    for (auto& batch : batches) {
        decode(in_format, input.content_type, batch);
        bytes += batch.body.size();
    }
    if (auto const wrong = complaint(input, calls, batches); !wrong.empty()) {
        state.SkipWithError(wrong.c_str());
        return;
    }

    for (auto _ : state) {
        for (auto& batch : batches) {
            forget_records(batch);
            decode(in_format, input.content_type, batch);
            benchmark::DoNotOptimize(batch.cdrs.data());
        }
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(input.records));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(bytes));
}

BENCHMARK_CAPTURE(decode_stage, canonical,
                  decode_case{"canonical", "application/x-ndjson", append_canonical, piece_bytes,
                              50'000, true})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode_stage, freeswitch,
                  decode_case{"freeswitch", "application/json", append_freeswitch, 0, 5'000, true})
    ->Unit(benchmark::kMillisecond);
BENCHMARK_CAPTURE(decode_stage, asterisk,
                  decode_case{"asterisk", "", append_asterisk, piece_bytes, 50'000, false})
    ->Unit(benchmark::kMillisecond);

} // namespace
} // namespace tally::bench
