#pragma once

#include "storage/postgres/byte_buffer.hpp"
#include "storage/postgres/wire_fields.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace tally::storage {

/// A column of a COPY target: its name, and a function from a row to the value of its field, of one
/// of the types in wire_fields.hpp.
template <typename Value>
struct copy_column {
    std::string_view name;
    Value value;
};
template <typename Value>
copy_column(char const*, Value) -> copy_column<Value>;

/// A table that takes rows by binary COPY. This list of columns is the only one: the statement, the
/// number of fields and the room of each field follow from it.
///
///     constexpr copy_table target{
///         "billing.rates",
///         copy_column{"id", [](rate const& row) { return row.id; }},
///         copy_column{"price", [](rate const& row) { return wire::numeric{row.nanos}; }},
///     };
///     connection.begin_copy_in(copy_sql<target>);
///     target.put(buffer, row); // for each row
template <typename... Value>
struct copy_table {
    std::string_view name; ///< with its schema
    std::tuple<copy_column<Value>...> columns;

    constexpr explicit copy_table(std::string_view table, copy_column<Value>... column)
        : name{table}, columns{column...} {}

    static constexpr std::int16_t column_count = sizeof...(Value);

    /// Appends one row. Allocates only where the buffer has never been as large before.
    template <typename Row>
    void put(byte_buffer& out, Row const& row) const {
        // Room for all that the compiler can bound is always ahead, so only texts ask for more.
        constexpr std::size_t fixed =
            (wire::field_size<std::invoke_result_t<Value const&, Row const&>>::fixed + ...);
        char* cursor = wire::put_int16(out.room(2 + fixed), column_count);
        std::apply(
            [&](auto const&... column) __attribute__((always_inline)) {
                ((cursor = put_value<fixed>(out, cursor, column.value(row))), ...);
            },
            columns);
        out.written_to(cursor);
    }

    /// Calls `part` with the pieces of the COPY statement.
    template <typename Part>
    constexpr void write_sql(Part&& part) const {
        part("COPY ");
        part(name);
        std::string_view separator = " (";
        auto const write_name = [&](std::string_view column) {
            part(separator);
            part(column);
            separator = ", ";
        };
        std::apply([&](auto const&... column) { (write_name(column.name), ...); }, columns);
        part(") FROM STDIN (FORMAT binary)");
    }

  private:
    template <std::size_t Fixed, typename Field>
    static char* put_value(byte_buffer& out, char* cursor, Field const& value) {
        using wire::put_field;
        if constexpr (wire::field_with_text<Field>) {
            cursor = out.room(cursor, Fixed + wire::field_size<Field>::text(value));
        }
        return put_field(cursor, value);
    }
};

/// The COPY statement of a copy_table, made by the compiler.
template <auto const& Table>
inline constexpr auto copy_sql_text = [] {
    constexpr std::size_t size = [] {
        std::size_t sum = 0;
        Table.write_sql([&](std::string_view part) { sum += part.size(); });
        return sum;
    }();
    std::array<char, size> text{};
    auto end = text.begin();
    Table.write_sql([&](std::string_view part) { end = std::copy(part.begin(), part.end(), end); });
    return text;
}();
template <auto const& Table>
inline constexpr std::string_view copy_sql{copy_sql_text<Table>.data(),
                                           copy_sql_text<Table>.size()};

} // namespace tally::storage
