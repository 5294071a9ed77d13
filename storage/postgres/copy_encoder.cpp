#include "storage/postgres/copy_encoder.hpp"

#include "storage/postgres/wire_fields.hpp"

namespace tally::storage {

namespace {

// Five integers, see copy_encoder.hpp. With zero dimensions the count and the lower bound are left
// out.
constexpr std::size_t array_header_bytes = 20;
constexpr int binary_format = 1;

} // namespace

void array_parameter::clear() {
    // finish() fills in the header, when the count is known.
    buffer_.clear();
    buffer_.written_to(buffer_.room(array_header_bytes) + array_header_bytes);
    count_ = 0;
    has_nulls_ = false;
}

template <typename Value>
void array_parameter::put(Value const& value) {
    buffer_.written_to(wire::put_field(buffer_.room(wire::field_bytes_max(value)), value));
    ++count_;
}

void array_parameter::add(ingest::uuid const& id) {
    put(id);
}
void array_parameter::add_bool(bool value) {
    put(value);
}
void array_parameter::add_int32(std::int32_t value) {
    put(value);
}
void array_parameter::add_int64(std::int64_t value) {
    put(value);
}
void array_parameter::add_time(ingest::time_us t) {
    put(wire::timestamp{t});
}
void array_parameter::add_date(std::int32_t day) {
    put(wire::date{day});
}
void array_parameter::add_numeric(rating::int128 nanos) {
    put(wire::numeric{nanos});
}
void array_parameter::add_bytes(std::string_view bytes) {
    put(bytes);
}
void array_parameter::add_json(std::string_view json) {
    has_nulls_ = has_nulls_ || json.empty();
    put(wire::json{json});
}
void array_parameter::add_null() {
    has_nulls_ = true;
    put(std::optional<std::string_view>{});
}

std::string_view array_parameter::finish() noexcept {
    // array_recv() refuses another element type than the parameter's.
    char* cursor = buffer_.data();
    cursor = wire::put_int32(cursor, count_ == 0 ? 0 : 1); // an empty array has zero dimensions
    cursor = wire::put_int32(cursor, has_nulls_ ? 1 : 0);
    cursor = wire::put_int32(cursor, static_cast<std::int32_t>(element_oid_));
    cursor = wire::put_int32(cursor, count_);
    wire::put_int32(cursor, 1);
    constexpr std::size_t empty_bytes = 12;
    return buffer_.view().substr(0, count_ == 0 ? empty_bytes : buffer_.size());
}

void parameters::clear() noexcept {
    scalars_.clear();
    locations_.clear();
    lengths_.clear();
    formats_.clear();
}

void parameters::add_location(value_location location, std::size_t bytes) {
    locations_.push_back(location);
    lengths_.push_back(static_cast<int>(bytes));
    formats_.push_back(binary_format);
}

char* parameters::scalar(std::size_t bytes) {
    // The offset, not the address, which later values may move.
    add_location({nullptr, scalars_.size(), false}, bytes);
    char* const cursor = scalars_.room(bytes);
    scalars_.written_to(cursor + bytes);
    return cursor;
}

parameters& parameters::add(ingest::uuid const& id) {
    std::memcpy(scalar(16), id.bytes.data(), 16);
    return *this;
}
parameters& parameters::add_optional(ingest::uuid const& id) {
    return id.is_nil() ? add_null() : add(id);
}
parameters& parameters::add_bool(bool value) {
    *scalar(1) = value ? 1 : 0;
    return *this;
}
parameters& parameters::add_int32(std::int32_t value) {
    wire::put_int32(scalar(4), value);
    return *this;
}
parameters& parameters::add_int64(std::int64_t value) {
    wire::put_int64(scalar(8), value);
    return *this;
}
parameters& parameters::add_time(ingest::time_us t) {
    return add_int64(wire::to_timestamp(t));
}

parameters& parameters::add_numeric(rating::int128 nanos) {
    // libpq sends a parameter's length by itself, so the first four bytes of the field are left
    // out.
    char field[wire::numeric_field_bytes_max];
    char const* const end = wire::put_numeric_field(field, nanos);
    std::size_t const bytes = static_cast<std::size_t>(end - field) - 4;
    std::memcpy(scalar(bytes), field + 4, bytes);
    return *this;
}
parameters& parameters::add_text(std::string_view text) {
    // Not copied: a payload may have megabytes. A null pointer would be NULL, not an empty text.
    add_location({text.empty() ? "" : text.data(), 0, false}, text.size());
    return *this;
}
parameters& parameters::add_optional_text(std::string_view text) {
    return text.empty() ? add_null() : add_text(text);
}
parameters& parameters::add_null() {
    add_location({nullptr, 0, true}, 0);
    return *this;
}
parameters& parameters::add(array_parameter& array) {
    return add_text(array.finish());
}

char const* const* parameters::values() {
    // Resolved late: scalars_ may have moved its memory with each add.
    values_.clear();
    for (auto const& location : locations_) {
        char const* const value =
            location.outside != nullptr ? location.outside : scalars_.data() + location.inside;
        values_.push_back(location.is_null ? nullptr : value);
    }
    return values_.data();
}

} // namespace tally::storage
