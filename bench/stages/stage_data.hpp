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

/// The input of the stages: a catalog, calls of its subscribers, and the same calls in the form in
/// which each stage gets them from the one before. Built once per number of prefixes.
struct stage_data {
    sample_catalog sample;
    std::vector<sample_call> calls;
    std::shared_ptr<rating::catalog const> catalog;
    ingest::record_batch decoded;       ///< the calls, out of canonical NDJSON
    std::vector<rating::guided> guided; ///< by call
};

/// 20,000 subscriptions chosen by Zipf's law, 50,000 calls: more than fits the caches, as in a busy
/// daemon.
stage_data const& data_with_prefixes(std::uint32_t prefixes);
inline constexpr std::uint32_t usual_prefixes = 4'000;
inline constexpr std::uint32_t many_prefixes = 200'000;

/// Drops the decoded records and keeps the input, so that it can be decoded again.
void forget_records(ingest::record_batch& batch) noexcept;

/// Decodes a batch's body as a body of the local source.
void decode(ingest::format const& in_format, std::string_view content_type,
            ingest::record_batch& batch);

} // namespace tally::bench
