#pragma once

#include "bench/support/sample_calls.hpp"
#include "bench/support/sample_catalog.hpp"
#include "ingest/record/format.hpp"
#include "ingest/record/record_batch.hpp"
#include "rating/catalog/catalog.hpp"
#include "rating/catalog/guide.hpp"

#include <memory>
#include <string_view>
#include <vector>

namespace tally::bench {

/// What the stages work on: a catalog, calls of its subscribers, and the same calls as each stage
/// gets them from the one before. Made once per number of prefixes.
struct stage_data {
    sample_catalog sample;
    std::vector<sample_call> calls;
    std::shared_ptr<rating::catalog const> catalog;
    ingest::record_batch decoded;       ///< the calls, out of canonical NDJSON
    std::vector<rating::guided> guided; ///< by call
};

/// 20,000 subscriptions, Zipf, 50,000 calls: more than fits the caches, as in a busy daemon.
stage_data const& data_with_prefixes(std::uint32_t prefixes);
inline constexpr std::uint32_t usual_prefixes = 4'000;

/// Forgets what was decoded but keeps the input, so that it can be decoded again.
void forget_records(ingest::record_batch& batch) noexcept;

/// Decodes a batch's body as what the local source sent.
void decode(ingest::format const& in_format, std::string_view content_type,
            ingest::record_batch& batch);

} // namespace tally::bench
