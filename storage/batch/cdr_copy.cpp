#include "storage/batch/cdr_copy.hpp"

#include "storage/batch/cdr_metadata.hpp"
#include "storage/postgres/copy_stream.hpp"

#include <boost/endian/conversion.hpp>

#include <algorithm>
#include <tuple>

namespace tally::storage {

namespace {

constexpr std::int16_t column_count = 27;

/// Upper bound of a row's bytes without its text: column count, 27 lengths, five uuids, four times,
/// five 32-bit numbers, rate id, three numerics, currency, the longest enum labels.
constexpr std::size_t fixed_bytes_max =
    2 + 27 * 4 + 5 * 16 + 4 * 8 + 5 * 4 + 16 + 3 * wire::numeric_field_bytes_max + 3 + 8 + 10;

constexpr std::string_view copy_sql =
    "COPY billing.cdrs (account_id, subscription_id, uuid, source_id, batch_id, caller_id,"
    " destination, direction, call_type, start_time, answer_time, end_time, duration, billsec,"
    " billable_seconds, billed_seconds, allowance_seconds, matched_prefix, rate_id, "
    "rate_per_minute, connect_fee,"
    " cost, currency, hangup_cause, processing_status, metadata, created_at)"
    " FROM STDIN (FORMAT binary)";

std::string_view label(ingest::call_direction direction) noexcept {
    return direction == ingest::call_direction::outbound ? "outbound" : "inbound";
}

/// The columns are 32-bit integers. Decoders and rating bound durations to days; a larger value
/// would be a mistake there, and it must not wrap around here.
std::int32_t saturated(std::int64_t value) noexcept {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, INT32_MIN, INT32_MAX));
}

std::int32_t whole_seconds(std::int64_t ms) noexcept {
    return saturated(ms / 1000 - (ms % 1000 < 0 ? 1 : 0));
}

/// A second that has begun counts, as in rating.
std::int32_t started_seconds(std::int64_t ms) noexcept {
    return saturated(ms / 1000 + (ms % 1000 > 0 ? 1 : 0));
}

std::size_t text_bytes(cdr_row const& row) noexcept {
    auto const& call = *row.call;
    std::size_t bytes = call.caller_id.size() + call.destination.size() + call.hangup_cause.size() +
                        metadata_bytes_max(call);
    if (row.rated.charged_rate != nullptr) {
        bytes += row.rated.charged_rate->call_type.size() + row.rated.charged_rate->prefix.size();
    }
    return bytes;
}

char* put_identity(char* cursor, cdr_row const& row, batch const& rows) noexcept {
    cursor = wire::put_uuid_field(cursor, row.account_id);
    cursor = wire::put_uuid_field(cursor, row.subscription_id);
    cursor = wire::put_uuid_field(cursor, row.call->id);
    cursor = wire::put_uuid_field(cursor, row.source_id);
    return wire::put_uuid_field(cursor, rows.id);
}

/// caller_id to billable_seconds: the values that the switch reported. billable_seconds is NULL
/// when it equals billsec.
char* put_call(char* cursor, cdr_row const& row) noexcept {
    auto const& call = *row.call;
    cursor = wire::put_text_field(cursor, call.caller_id);
    cursor = wire::put_text_field(cursor, call.destination);
    cursor = wire::put_text_field(cursor, label(call.direction));
    cursor = row.rated.charged_rate == nullptr
                 ? wire::put_null(cursor)
                 : wire::put_optional_text_field(cursor, row.rated.charged_rate->call_type);
    cursor = wire::put_timestamp_field(cursor, ingest::whole_second(call.start));
    cursor = call.answer == ingest::never_us ? wire::put_null(cursor)
                                             : wire::put_timestamp_field(cursor, call.answer);
    cursor = wire::put_timestamp_field(cursor, call.end);
    cursor = wire::put_int32_field(cursor, whole_seconds(call.duration_ms));
    auto const billsec = whole_seconds(call.billsec_ms);
    auto const billable = started_seconds(call.billable_ms);
    cursor = wire::put_int32_field(cursor, billsec);
    return billable == billsec ? wire::put_null(cursor) : wire::put_int32_field(cursor, billable);
}

/// billed_seconds to currency: what the call costs, and which rate decided it.
char* put_rated(char* cursor, cdr_row const& row) noexcept {
    auto const& rated = row.rated;
    cursor = wire::put_int32_field(cursor, saturated(rated.billed_s));
    cursor = wire::put_int32_field(cursor, saturated(rated.allowance_s));
    if (rated.charged_rate == nullptr) {
        cursor = wire::put_null(wire::put_null(wire::put_null(cursor)));
    } else {
        cursor = wire::put_text_field(cursor, rated.charged_rate->prefix);
        cursor = wire::put_uuid_field(cursor, rated.charged_rate->id);
        cursor = wire::put_numeric_field(cursor, rated.rate_per_minute.nanos);
    }
    cursor = wire::put_numeric_field(cursor, rated.connect_fee.nanos);
    cursor = wire::put_numeric_field(cursor, rated.cost.nanos);
    return wire::put_text_field(cursor, {row.currency.data(), row.currency.size()});
}

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

void cdr_order::sort(std::span<cdr_row const> calls) {
    keys_.clear();
    keys_.reserve(calls.size());
    std::uint32_t index = 0;
    for (auto const& row : calls) {
        keys_.push_back({big_endian_at(row.account_id.bytes.data()),
                         big_endian_at(row.account_id.bytes.data() + 8),
                         ingest::whole_second(row.call->start), index++});
    }
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

void put_cdr_row(byte_buffer& out, cdr_row const& row, batch const& rows) {
    char* cursor = out.room(fixed_bytes_max + text_bytes(row));
    cursor = wire::put_int16(cursor, column_count);
    cursor = put_identity(cursor, row, rows);
    cursor = put_call(cursor, row);
    cursor = put_rated(cursor, row);
    cursor = wire::put_optional_text_field(cursor, row.call->hangup_cause);
    cursor = wire::put_text_field(cursor, row.rated.zero_rated ? "zero_rated" : "rated");
    cursor = put_metadata_field(cursor, *row.call);
    cursor = wire::put_timestamp_field(cursor, rows.opened);
    out.written_to(cursor);
}

std::string_view cdr_copy_sql() noexcept {
    return copy_sql;
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

result cdr_copy::write(pq_connection& connection, batch const& rows, std::uint32_t& refused) {
    order_.sort(rows.calls);
    result status = connection.begin_copy_in(std::string{copy_sql});
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

result cdr_copy::stream(pq_connection& connection, batch const& rows) {
    return stream_rows(connection, buffer_, order_.size(), [&](std::size_t i) {
        prefetch_cdr_row(rows.calls, order_, i);
        put_cdr_row(buffer_, rows.calls[order_[i]], rows);
    });
}

} // namespace tally::storage
