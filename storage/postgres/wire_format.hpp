#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/money/money.hpp"

#include <boost/endian/conversion.hpp>

#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

/// PostgreSQL's binary representations, as its send and receive functions use them (network byte
/// order; src/backend/utils/adt). The put functions write at `out`, where the caller has made room,
/// and return the end of what they wrote.
namespace tally::storage::wire {

// Type numbers from PostgreSQL's pg_type.dat; they never change.
inline constexpr std::uint32_t bool_oid = 16;
inline constexpr std::uint32_t bytea_oid = 17;
inline constexpr std::uint32_t int8_oid = 20;
inline constexpr std::uint32_t int4_oid = 23;
inline constexpr std::uint32_t text_oid = 25;
inline constexpr std::uint32_t date_oid = 1082;
inline constexpr std::uint32_t timestamptz_oid = 1184;
inline constexpr std::uint32_t numeric_oid = 1700;
inline constexpr std::uint32_t uuid_oid = 2950;
inline constexpr std::uint32_t jsonb_oid = 3802;

/// PostgreSQL counts times and dates from 2000-01-01.
inline constexpr std::int64_t epoch_us = 946'684'800LL * ingest::us_per_s;
inline constexpr std::int32_t epoch_days = 10'957;

/// The length of a field that is NULL.
inline constexpr std::int32_t null_length = -1;

inline char* put_int16(char* out, std::int16_t value) noexcept {
    boost::endian::endian_store<std::int16_t, 2, boost::endian::order::big>(
        reinterpret_cast<unsigned char*>(out), value);
    return out + 2;
}
inline char* put_int32(char* out, std::int32_t value) noexcept {
    boost::endian::store_big_s32(reinterpret_cast<unsigned char*>(out), value);
    return out + 4;
}
inline char* put_int64(char* out, std::int64_t value) noexcept {
    boost::endian::store_big_s64(reinterpret_cast<unsigned char*>(out), value);
    return out + 8;
}
inline char* put_bytes(char* out, std::string_view bytes) noexcept {
    if (!bytes.empty()) {
        std::memcpy(out, bytes.data(), bytes.size());
    }
    return out + bytes.size();
}

/// Microseconds since 1970 as timestamptz. INT64_MIN and INT64_MAX are -infinity and infinity on
/// both sides. A time out of range wraps around to one that PostgreSQL refuses.
constexpr std::int64_t to_timestamp(ingest::time_us t) noexcept {
    if (t == INT64_MIN || t == INT64_MAX) {
        return t;
    }
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(t) -
                                     static_cast<std::uint64_t>(epoch_us));
}
constexpr ingest::time_us from_timestamp(std::int64_t t) noexcept {
    if (t == INT64_MIN || t == INT64_MAX) {
        return t;
    }
    return static_cast<std::int64_t>(static_cast<std::uint64_t>(t) +
                                     static_cast<std::uint64_t>(epoch_us));
}

// Fields: four bytes of length, then the value. Those of the other types are in wire_fields.hpp.

inline char* put_null(char* out) noexcept {
    return put_int32(out, null_length);
}

/// Upper bound of what put_optional_inet_field() writes: length, head, an IPv6 address.
inline constexpr std::size_t inet_field_bytes_max = 4 + 4 + 16;
/// An address in text form as inet; NULL if the text is not an address.
char* put_optional_inet_field(char* out, std::string_view address) noexcept;

/// Upper bound of the numeric field of 128-bit nanos: length, header, 8 groups before the decimal
/// point and 3 after it.
inline constexpr std::size_t numeric_field_bytes_max = 4 + 8 + 2 * 11;

/// An exact decimal with nine digits after the point (numeric with dscale 9).
char* put_numeric_field(char* out, std::int64_t nanos) noexcept;
char* put_numeric_field(char* out, rating::int128 nanos) noexcept;

inline std::int16_t get_int16(char const* out) noexcept {
    return boost::endian::endian_load<std::int16_t, 2, boost::endian::order::big>(
        reinterpret_cast<unsigned char const*>(out));
}
inline std::int32_t get_int32(char const* out) noexcept {
    return boost::endian::load_big_s32(reinterpret_cast<unsigned char const*>(out));
}
inline std::int64_t get_int64(char const* out) noexcept {
    return boost::endian::load_big_s64(reinterpret_cast<unsigned char const*>(out));
}

/// The nanos of a numeric's bytes (without the length). nullopt for NaN and infinity, for more than
/// nine decimals, and for a value that does not fit 64 bits.
std::optional<rating::amount> get_numeric(std::string_view value) noexcept;
/// The same for a value that fits 128 bits.
std::optional<rating::amount_sum> get_numeric_sum(std::string_view value) noexcept;

} // namespace tally::storage::wire
