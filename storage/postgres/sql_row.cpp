#include "storage/postgres/sql_row.hpp"

#include "ingest/text/decimal_nanos.hpp"
#include "ingest/text/timestamp.hpp"
#include "storage/postgres/database_error.hpp"

#include <charconv>

namespace tally::storage {

namespace {

[[noreturn]] void refuse(std::size_t column, std::string const& text, char const* type) {
    throw database_error{{failure::permanent,
                          "22018", // invalid_character_value_for_cast
                          "column " + std::to_string(column) + " is no " + type + ": " + text}};
}

/// PostgreSQL leaves out the minutes of an offset that has none ("+00").
std::string with_minutes(std::string const& time) {
    // The sign of the offset is the last one of the text; a date's dashes come before it.
    std::size_t const sign = time.find_last_of("+-");
    return sign != std::string::npos && time.size() == sign + 3 ? time + ":00" : time;
}

} // namespace

std::string const& sql_row::present(std::size_t column, char const* type) const {
    if (is_null(column)) {
        refuse(column, "NULL", type);
    }
    return *fields_[column];
}

std::string sql_row::text(std::size_t column) const {
    return fields_[column].value_or("");
}

bool sql_row::boolean(std::size_t column) const {
    std::string const& text = present(column, "boolean");
    if (text != "t" && text != "f") {
        refuse(column, text, "boolean");
    }
    return text == "t";
}

std::int64_t sql_row::integer(std::size_t column) const {
    std::string const& text = present(column, "integer");
    std::int64_t number = 0;
    auto const end = text.data() + text.size();
    // The whole text: "12abc" is no integer.
    auto const reading = std::from_chars(text.data(), end, number);
    if (reading.ec != std::errc{} || reading.ptr != end) {
        refuse(column, text, "integer");
    }
    return number;
}

rating::int128 sql_row::nanos(std::size_t column) const {
    std::string const& text = present(column, "numeric with nine decimals");
    auto const number = ingest::parse_decimal_nanos(text);
    if (!number) {
        refuse(column, text, "numeric with nine decimals");
    }
    return *number;
}

ingest::time_us sql_row::time(std::size_t column) const {
    std::string const& text = present(column, "timestamptz");
    // Sessions may have any time zone, so the offset in the text is what makes it a moment.
    auto const reading = ingest::read_time_text(with_minutes(text));
    if (reading.is != ingest::time_reading::form::utc) {
        refuse(column, text, "timestamptz");
    }
    return reading.value;
}

} // namespace tally::storage
