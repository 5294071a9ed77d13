#include "bench/stages/stage_data.hpp"
#include "rating/rater/rater.hpp"
#include "storage/batch/cdr_copy.hpp"

#include <benchmark/benchmark.h>

#include <cstring>

// Measures the step from rated records to the bytes of COPY: sorting by key and encoding, as the
// write path does it for a batch.

namespace tally::bench {
namespace {

/// A batch of all calls, rated, each on a full allowance.
storage::batch rated_batch(stage_data const& data) {
    storage::batch made;
    for (std::size_t i = 0; i < data.calls.size(); ++i) {
        auto const& contract = data.catalog->subscription_at(data.guided[i].subscription);
        auto const& plan = data.catalog->plan_at(contract.plan);
        rating::allowance left{0, plan.head().included_s};
        storage::cdr_row row;
        row.call = &data.decoded.cdrs[i];
        row.account_id = data.catalog->account_at(contract.account).id;
        row.subscription_id = contract.id;
        row.currency = plan.head().currency;
        row.rated = rating::rate_call(*row.call, plan, left);
        made.calls.push_back(row);
    }
    return made;
}

std::uint32_t big_endian(char const* bytes, std::size_t count) {
    std::uint32_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        value = value << 8 | static_cast<unsigned char>(bytes[i]);
    }
    return value;
}

/// Walks over the fields of a row in COPY's binary format. Returns the begin of the next row;
/// nullptr when the row does not have that account or exceeds the buffer.
char const* behind_row(char const* cursor, char const* end, ingest::uuid const& account) {
    constexpr std::uint32_t null_length = UINT32_MAX;
    if (end - cursor < 22 ||
        std::memcmp(cursor + 6, account.bytes.data(), account.bytes.size()) != 0) {
        return nullptr;
    }
    std::uint32_t const fields = big_endian(cursor, 2);
    cursor += 2;
    for (std::uint32_t i = 0; i < fields && cursor != nullptr; ++i) {
        std::uint32_t const length = end - cursor < 4 ? null_length - 1 : big_endian(cursor, 4);
        std::uint32_t const taken = length == null_length ? 0 : length;
        cursor = end - cursor < std::ptrdiff_t{4} + taken ? nullptr : cursor + 4 + taken;
    }
    return cursor;
}

std::string complaint(storage::batch const& batch, storage::cdr_order const& order,
                      storage::byte_buffer const& encoded) {
    char const* cursor = encoded.data();
    char const* const end = cursor + encoded.size();
    for (std::size_t i = 0; i < order.size(); ++i) {
        auto const& row = batch.calls[order[i]];
        if (i > 0 && row.account_id < batch.calls[order[i - 1]].account_id) {
            return "rows are not sorted";
        }
        cursor = behind_row(cursor, end, row.account_id);
        if (cursor == nullptr) {
            return "row " + std::to_string(i) + " is encoded wrongly";
        }
    }
    return cursor == end ? "" : "there are bytes after the last row";
}

void encode_all(storage::batch const& batch, storage::cdr_order& order,
                storage::byte_buffer& buffer) {
    order.sort(batch.calls);
    buffer.clear();
    for (std::size_t i = 0; i < order.size(); ++i) {
        storage::prefetch_cdr_row(batch.calls, order, i);
        storage::put_cdr_row(buffer, batch.calls[order[i]], batch);
    }
}

void encode_stage(benchmark::State& state) {
    auto const batch = rated_batch(data_with_prefixes(usual_prefixes));
    storage::cdr_order order;
    storage::byte_buffer buffer;
    encode_all(batch, order, buffer);
    if (auto const wrong = complaint(batch, order, buffer); !wrong.empty()) {
        state.SkipWithError(wrong.c_str());
        return;
    }
    for (auto _ : state) {
        encode_all(batch, order, buffer);
        benchmark::DoNotOptimize(buffer.data());
        benchmark::ClobberMemory();
    }
    state.SetItemsProcessed(state.iterations() * static_cast<std::int64_t>(batch.calls.size()));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(buffer.size()));
}

BENCHMARK(encode_stage)->Unit(benchmark::kMillisecond);

} // namespace
} // namespace tally::bench
