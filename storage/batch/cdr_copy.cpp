#include "storage/batch/cdr_copy.hpp"

#include "storage/batch/cdr_metadata.hpp"
#include "storage/postgres/copy_stream.hpp"
#include "storage/postgres/copy_table.hpp"
#include "storage/postgres/wire_fields.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <tuple>

namespace tally::storage {

namespace {

std::string_view label(ingest::call_direction direction) noexcept {
    return direction == ingest::call_direction::outbound ? "outbound" : "inbound";
}

// The columns of durations are 32-bit integers. Decoders and rating bound durations to days; a
// larger value would be a mistake there, and it must not wrap around here.
using wire::saturated;

std::int32_t whole_seconds(std::int64_t ms) noexcept {
    return saturated(ms / 1000 - (ms % 1000 < 0 ? 1 : 0));
}

/// A second that has begun counts, as in rating.
std::int32_t started_seconds(std::int64_t ms) noexcept {
    return saturated(ms / 1000 + (ms % 1000 > 0 ? 1 : 0));
}

/// What the columns of a row are made from.
struct cdr_line {
    cdr_row const& row;
    batch const& rows;
    ingest::cdr const& call = *row.call;
    rating::rated_call const& rated = row.rated;
};

/// A value of the rate that decided the cost; NULL without one.
template <typename Value>
auto of_rate(cdr_line const& line, Value value) noexcept {
    using result_type = decltype(value(*line.rated.charged_rate));
    return line.rated.charged_rate == nullptr
               ? std::optional<result_type>{}
               : std::optional<result_type>{value(*line.rated.charged_rate)};
}

/// NULL if it equals billsec.
std::optional<std::int32_t> billable_seconds(ingest::cdr const& call) noexcept {
    auto const billable = started_seconds(call.billable_ms);
    return billable == whole_seconds(call.billsec_ms) ? std::nullopt : std::optional{billable};
}

std::string_view call_type(cdr_line const& line) noexcept {
    auto const* const rate = line.rated.charged_rate;
    return rate == nullptr ? std::string_view{} : rate->call_type;
}

constexpr copy_table cdrs{
    "billing.cdrs",
    copy_column{"account_id", [](auto& line) { return line.row.account_id; }},
    copy_column{"subscription_id", [](auto& line) { return line.row.subscription_id; }},
    copy_column{"uuid", [](auto& line) { return line.call.id; }},
    copy_column{"source_id", [](auto& line) { return line.row.source_id; }},
    copy_column{"batch_id", [](auto& line) { return line.rows.id; }},
    copy_column{"caller_id", [](auto& line) { return line.call.caller_id; }},
    copy_column{"destination", [](auto& line) { return line.call.destination; }},
    copy_column{"direction", [](auto& line) { return label(line.call.direction); }},
    copy_column{"call_type", [](auto& line) { return wire::unless_empty(call_type(line)); }},
    copy_column{"start_time",
                [](auto& line) { return wire::timestamp{ingest::whole_second(line.call.start)}; }},
    copy_column{"answer_time",
                [](auto& line) {
                    return line.call.answer == ingest::never_us
                               ? std::nullopt
                               : std::optional{wire::timestamp{line.call.answer}};
                }},
    copy_column{"end_time", [](auto& line) { return wire::timestamp{line.call.end}; }},
    copy_column{"duration", [](auto& line) { return whole_seconds(line.call.duration_ms); }},
    copy_column{"billsec", [](auto& line) { return whole_seconds(line.call.billsec_ms); }},
    copy_column{"billable_seconds", [](auto& line) { return billable_seconds(line.call); }},
    copy_column{"billed_seconds", [](auto& line) { return saturated(line.rated.billed_s); }},
    copy_column{"allowance_seconds", [](auto& line) { return saturated(line.rated.allowance_s); }},
    copy_column{"matched_prefix",
                [](auto& line) {
                    return of_rate(line, [](auto& rate) { return std::string_view{rate.prefix}; });
                }},
    copy_column{"rate_id",
                [](auto& line) { return of_rate(line, [](auto& rate) { return rate.id; }); }},
    copy_column{"rate_per_minute",
                [](auto& line) {
                    return of_rate(line, [&](auto const&) {
                        return wire::numeric{line.rated.rate_per_minute.nanos};
                    });
                }},
    copy_column{"connect_fee",
                [](auto& line) { return wire::numeric{line.rated.connect_fee.nanos}; }},
    copy_column{"cost", [](auto& line) { return wire::numeric{line.rated.cost.nanos}; }},
    copy_column{"currency",
                [](auto& line) {
                    return std::string_view{line.row.currency.data(), line.row.currency.size()};
                }},
    copy_column{"hangup_cause",
                [](auto& line) { return wire::unless_empty(line.call.hangup_cause); }},
    copy_column{"processing_status",
                [](auto& line) {
                    return std::string_view{line.rated.zero_rated ? "zero_rated" : "rated"};
                }},
    copy_column{"metadata", [](auto& line) { return call_metadata{line.call}; }},
    copy_column{"created_at", [](auto& line) { return wire::timestamp{line.rows.opened}; }},
};

/// All cache lines of an object.
template <typename Object>
void prefetch(Object const& object) noexcept {
    constexpr std::size_t line_bytes = 64;
    auto const* const bytes = reinterpret_cast<char const*>(&object);
    for (std::size_t index = 0; index < sizeof(Object) + line_bytes; index += line_bytes) {
        __builtin_prefetch(bytes + index);
    }
}

std::uint64_t big_endian_at(std::uint8_t const* bytes) noexcept {
    return boost::endian::load_big_u64(bytes);
}

} // namespace

result cdr_copy::write(pq_connection& connection, batch const& rows, std::uint32_t& refused) {
    order_.sort(rows.calls);
    result status = connection.begin_copy_in(std::string{copy_sql<cdrs>});
    if (status.ok()) {
        status = stream(connection, rows);
    }

    // The report names the line of the COPY, which is a position in key order.
    refused = no_row;
    if (status.reason == failure::bad_data || status.reason == failure::duplicate) {
        std::uint64_t const line = copy_line(status.detail, "cdrs");
        if (line != 0 && line <= order_.size()) {
            refused = order_[static_cast<std::size_t>(line) - 1];
        }
    }
    return status;
}

void cdr_order::sort(std::span<cdr_row const> calls) {
    // The keys are copied first: comparing them in place would wait for memory at every step.
    keys_.clear();
    keys_.reserve(calls.size());
    std::uint32_t index = 0;
    for (auto const& row : calls) {
        keys_.push_back({big_endian_at(row.account_id.bytes.data()),
                         big_endian_at(row.account_id.bytes.data() + 8),
                         ingest::whole_second(row.call->start), index++});
    }

    // Only for equal times is the call itself read.
    std::sort(keys_.begin(), keys_.end(), [calls](key const& a, key const& b) {
        if (a.account_high != b.account_high) {
            return a.account_high < b.account_high;
        }
        if (a.account_low != b.account_low) {
            return a.account_low < b.account_low;
        }
        if (a.start != b.start) {
            return a.start < b.start;
        }
        return calls[a.index].call->id < calls[b.index].call->id;
    });
}

result cdr_copy::stream(pq_connection& connection, batch const& rows) {
    return stream_rows(connection, buffer_, order_.size(), [&](std::size_t i) {
        prefetch_cdr_row(rows.calls, order_, i);
        put_cdr_row(buffer_, rows.calls[order_[i]], rows);
    });
}

void prefetch_cdr_row(std::span<cdr_row const> calls, cdr_order const& order,
                      std::size_t i) noexcept {
    // Rows are read in key order, which the CPU cannot predict: without prefetching, nine tenths of
    // the time was spent waiting for memory. Each stage needs the one before it: the row, then the
    // call that it points to, then the text that the call points to.
    constexpr std::size_t distance = 8;

    if (i + 3 * distance < order.size()) {
        prefetch(calls[order[i + 3 * distance]]);
    }
    if (i + 2 * distance < order.size()) {
        prefetch(*calls[order[i + 2 * distance]].call);
    }
    if (i + distance < order.size()) {
        auto const& call = *calls[order[i + distance]].call;
        __builtin_prefetch(call.caller_id.data());
        __builtin_prefetch(call.destination.data());
        __builtin_prefetch(call.metadata.data());
    }
}

void put_cdr_row(byte_buffer& out, cdr_row const& row, batch const& rows) {
    cdrs.put(out, cdr_line{row, rows});
}

std::string_view cdr_copy_sql() noexcept {
    return copy_sql<cdrs>;
}

} // namespace tally::storage
