#pragma once

#include "storage/postgres/wire_format.hpp"

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <optional>
#include <string_view>

/// Values as fields of a row or elements of an array: four bytes of length, then the value. For
/// every type of value there are two functions, `field_bytes_max(value)` and `put_field(out,
/// value)`, which writes no more than that and returns the end of what it wrote. A type of another
/// namespace declares them beside itself.
namespace tally::storage::wire {

inline constexpr std::size_t field_head_bytes = 4;

struct timestamp {
    ingest::time_us value; ///< us since 1970
};
struct date {
    std::int32_t value; ///< days since 1970
};
/// With nine decimals.
struct numeric {
    rating::int128 nanos;
};
/// A jsonb; NULL if the text is empty.
struct json {
    std::string_view text;
};
/// An address; NULL if the text is not an address.
struct inet {
    std::string_view text;
};

/// NULL if the text is empty.
inline std::optional<std::string_view> unless_empty(std::string_view text) noexcept {
    return text.empty() ? std::nullopt : std::optional{text};
}
/// NULL if the id is nil.
inline std::optional<ingest::uuid> unless_nil(ingest::uuid const& id) noexcept {
    return id.is_nil() ? std::nullopt : std::optional{id};
}

/// The nearest value that a 32-bit column can hold.
constexpr std::int32_t saturated(std::int64_t value) noexcept {
    return static_cast<std::int32_t>(std::clamp<std::int64_t>(value, INT32_MIN, INT32_MAX));
}

/// Upper bound of the bytes of a field: `fixed`, which is known to the compiler, and `text(value)`
/// where the type has text.
template <typename Value>
struct field_size;

template <std::size_t Bytes>
struct fixed_field_size {
    static constexpr std::size_t fixed = field_head_bytes + Bytes;
};
template <>
struct field_size<bool> : fixed_field_size<1> {};
template <>
struct field_size<std::int16_t> : fixed_field_size<2> {};
template <>
struct field_size<std::int32_t> : fixed_field_size<4> {};
template <>
struct field_size<std::int64_t> : fixed_field_size<8> {};
template <>
struct field_size<ingest::uuid> : fixed_field_size<16> {};
template <>
struct field_size<timestamp> : fixed_field_size<8> {};
template <>
struct field_size<date> : fixed_field_size<4> {};
template <>
struct field_size<numeric> : fixed_field_size<numeric_field_bytes_max - field_head_bytes> {};
template <>
struct field_size<inet> : fixed_field_size<inet_field_bytes_max - field_head_bytes> {};
template <>
struct field_size<std::string_view> : fixed_field_size<0> {
    static std::size_t text(std::string_view value) noexcept { return value.size(); }
};
template <>
struct field_size<json> : fixed_field_size<1> {
    static std::size_t text(json value) noexcept { return value.text.size(); }
};

template <typename Value>
concept field_with_text = requires(Value const& value) {
    field_size<Value>::text(value);
};

template <typename Value>
struct field_size<std::optional<Value>>
    : fixed_field_size<field_size<Value>::fixed - field_head_bytes> {};
template <field_with_text Value>
struct field_size<std::optional<Value>>
    : fixed_field_size<field_size<Value>::fixed - field_head_bytes> {
    static std::size_t text(std::optional<Value> const& value) noexcept {
        return value ? field_size<Value>::text(*value) : 0;
    }
};

/// Upper bound of what put_field() writes.
template <typename Value>
std::size_t field_bytes_max(Value const& value) noexcept {
    if constexpr (field_with_text<Value>) {
        return field_size<Value>::fixed + field_size<Value>::text(value);
    } else {
        return field_size<Value>::fixed;
    }
}

// Constrained, because a pointer to text would become a bool before it became a string_view.
template <std::same_as<bool> Value>
char* put_field(char* out, Value value) noexcept {
    out = put_int32(out, 1);
    *out = value ? 1 : 0;
    return out + 1;
}
inline char* put_field(char* out, std::int16_t value) noexcept {
    return put_int16(put_int32(out, 2), value);
}
inline char* put_field(char* out, std::int32_t value) noexcept {
    return put_int32(put_int32(out, 4), value);
}
inline char* put_field(char* out, std::int64_t value) noexcept {
    return put_int64(put_int32(out, 8), value);
}
inline char* put_field(char* out, ingest::uuid const& id) noexcept {
    out = put_int32(out, 16);
    std::memcpy(out, id.bytes.data(), 16);
    return out + 16;
}
inline char* put_field(char* out, timestamp time) noexcept {
    return put_field(out, to_timestamp(time.value));
}
inline char* put_field(char* out, date day) noexcept {
    return put_field(out, day.value - epoch_days);
}
inline char* put_field(char* out, numeric value) noexcept {
    // Here and not behind a call, so that the compiler decides it for values of 64 bits.
    return value.nanos >= INT64_MIN && value.nanos <= INT64_MAX
               ? put_numeric_field(out, static_cast<std::int64_t>(value.nanos))
               : put_numeric_field(out, value.nanos);
}
inline char* put_field(char* out, std::string_view text) noexcept {
    return put_bytes(put_int32(out, static_cast<std::int32_t>(text.size())), text);
}
inline char* put_field(char* out, json value) noexcept {
    if (value.text.empty()) {
        return put_null(out);
    }
    // As jsonb_recv reads it: a version, then the text.
    constexpr char jsonb_version = 1;
    out = put_int32(out, static_cast<std::int32_t>(value.text.size()) + 1);
    *out++ = jsonb_version;
    return put_bytes(out, value.text);
}
inline char* put_field(char* out, inet value) noexcept {
    return put_optional_inet_field(out, value.text);
}

/// NULL if there is no value.
template <typename Value>
char* put_field(char* out, std::optional<Value> const& value) noexcept {
    return value ? put_field(out, *value) : put_null(out);
}

} // namespace tally::storage::wire
