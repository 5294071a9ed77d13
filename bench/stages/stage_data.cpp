#include "bench/stages/stage_data.hpp"

#include "bench/support/call_text.hpp"
#include "ingest/formats/formats.hpp"
#include "ingest/record/source.hpp"

#include <map>
#include <stdexcept>

namespace tally::bench {
namespace {

std::unique_ptr<stage_data const> make(std::uint32_t prefixes) {
    auto made = std::make_unique<stage_data>();
    made->sample = make_sample_catalog({.prefixes = prefixes});
    made->calls = make_sample_calls(made->sample, {.records = 50'000});
    made->catalog = rating_catalog(made->sample);

    std::string body;
    for (auto const& call : made->calls) {
        append_canonical(call, body);
    }
    made->decoded.set_body(std::move(body));
    decode(*ingest::find_format("canonical"), "application/x-ndjson", made->decoded);
    if (made->decoded.cdrs.size() != made->calls.size()) {
        throw std::runtime_error{"not every sample call was decoded"};
    }

    for (auto const& call : made->decoded.cdrs) {
        made->guided.push_back(rating::guide(call, *made->catalog));
    }
    return made;
}

} // namespace

stage_data const& data_with_prefixes(std::uint32_t prefixes) {
    static std::map<std::uint32_t, std::unique_ptr<stage_data const>> made;
    auto& data = made[prefixes];
    if (!data) {
        data = make(prefixes);
    }
    return *data;
}

void forget_records(ingest::record_batch& batch) noexcept {
    batch.text.clear();
    batch.cdrs.clear();
    batch.cdr_index.clear();
    batch.rejected.clear();
    batch.skipped = 0;
    batch.body_error = ingest::record_error::none;
    batch.body_detail = {};
}

void decode(ingest::format const& in_format, std::string_view content_type,
            ingest::record_batch& batch) {
    static ingest::source_table const sources{{}};
    in_format.decode({sources.local(), content_type, {}}, batch);
}

} // namespace tally::bench
