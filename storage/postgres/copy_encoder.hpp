#pragma once

#include "storage/postgres/byte_buffer.hpp"
#include "storage/postgres/wire_format.hpp"

#include <cstdint>
#include <string_view>
#include <vector>

namespace tally::storage {

/// Header and trailer of COPY ... (FORMAT binary). Between them are the rows, each a 16-bit number
/// of fields and then the fields (PostgreSQL manual, COPY, "Binary Format").
inline constexpr std::string_view copy_header{"PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0", 19};
inline constexpr std::string_view copy_trailer{"\xff\xff", 2};

/// One array as a binary parameter: a column of a statement that takes its rows as unnest(...) of
/// arrays. Keeps its memory from batch to batch. Its bytes, as array_recv reads them:
///
///     int32 dimensions = 1 | int32 has_nulls | uint32 element type | int32 count | int32 lower = 1
///     then per element: int32 length (-1: NULL), bytes
///
/// All rows of a table in one statement, instead of one statement per row:
///
///     // INSERT INTO t SELECT d.id, d.n FROM unnest($1::uuid[], $2::bigint[]) AS d(id, n)
///     array_parameter id{wire::uuid_oid};
///     array_parameter number{wire::int8_oid};
///     for (auto const& row : rows) {
///         id.add(row.id);
///         number.add_int64(row.number);
///     }
///     parameters values;
///     values.add(id).add(number); // a view: send before the arrays change
class array_parameter {
  public:
    explicit array_parameter(std::uint32_t element_oid) : element_oid_(element_oid) { clear(); }

    void clear();

    void add(ingest::uuid const& id);
    void add_bool(bool value);
    void add_int32(std::int32_t value);
    void add_int64(std::int64_t value);
    void add_time(ingest::time_us t);
    /// Days since 1970.
    void add_date(std::int32_t day);
    void add_numeric(rating::int128 nanos);
    void add_bytes(std::string_view bytes);
    /// An element of type jsonb; NULL if the text is empty.
    void add_json(std::string_view json);
    void add_null();

    [[nodiscard]] std::int32_t count() const noexcept { return count_; }
    /// Writes the header and returns the parameter's bytes. Call it after the last add.
    [[nodiscard]] std::string_view finish() noexcept;

  private:
    template <typename Value>
    void put(Value const& value);

    std::uint32_t element_oid_;
    std::int32_t count_ = 0;
    bool has_nulls_ = false;
    byte_buffer buffer_;
};

/// The parameters of one statement, in the order $1, $2..., all binary. Scalars are copied; arrays
/// and text are viewed and must live until the statement is sent.
class parameters {
  public:
    void clear() noexcept;

    parameters& add(ingest::uuid const& id);
    /// NULL if the uuid is nil.
    parameters& add_optional(ingest::uuid const& id);
    parameters& add_bool(bool value);
    parameters& add_int32(std::int32_t value);
    parameters& add_int64(std::int64_t value);
    parameters& add_time(ingest::time_us t);
    parameters& add_numeric(rating::int128 nanos);
    parameters& add_text(std::string_view text);
    /// NULL if the text is empty.
    parameters& add_optional_text(std::string_view text);
    parameters& add_null();
    /// A view: `array` must neither change nor be destroyed before the statement is sent.
    parameters& add(array_parameter& array);

    [[nodiscard]] int count() const noexcept { return static_cast<int>(lengths_.size()); }
    /// The arrays that libpq takes; valid until the next change.
    [[nodiscard]] char const* const* values();
    [[nodiscard]] int const* lengths() const noexcept { return lengths_.data(); }
    [[nodiscard]] int const* formats() const noexcept { return formats_.data(); }

  private:
    struct value_location {
        char const* outside = nullptr; ///< viewed memory; if null:
        std::size_t inside = 0;        ///< offset into scalars_
        bool is_null = false;
    };
    void add_location(value_location position, std::size_t bytes);
    char* scalar(std::size_t bytes);

    byte_buffer scalars_;
    std::vector<value_location> locations_;
    std::vector<char const*> values_;
    std::vector<int> lengths_;
    std::vector<int> formats_;
};

} // namespace tally::storage
