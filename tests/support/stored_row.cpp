#include "tests/support/stored_row.hpp"

#include "tests/support/billing_fixture.hpp"

#include <gtest/gtest.h>

namespace tally::tests {

namespace {

std::string text_of(std::optional<std::string> const& value) {
    return value ? "'" + *value + "'" : "NULL";
}

} // namespace

stored_row::stored_row(std::string const& connection_string, std::string_view table,
                       std::string_view condition)
    : table_{table} {
    auto const columns = query_rows(
        connection_string, "SELECT attname FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped"
                           " AND attrelid = '" +
                               table_ + "'::regclass ORDER BY attnum");
    auto const source = " FROM " + table_ + " WHERE " + std::string{condition};
    auto const rows = query_one(connection_string, "SELECT count(*)" + source);
    if (rows != "1") {
        problem_ = rows + " rows instead of one" + source;
        return;
    }

    // A value has a row of its own, after '=', so that any text can be told from NULL.
    std::string fields;
    for (auto const& column : columns) {
        fields += (fields.empty() ? "" : ", ") + ("'=' || \"" + column + "\"::text");
    }
    auto const values =
        query_rows(connection_string, "SELECT unnest(ARRAY[" + fields + "])" + source);
    for (std::size_t i = 0; i < columns.size() && i < values.size(); ++i) {
        values_[columns[i]] =
            values[i].starts_with('=') ? std::optional{values[i].substr(1)} : std::nullopt;
    }
}

stored_row& stored_row::has(std::string_view column, std::string_view value) {
    return expect(column, std::string{value});
}

stored_row& stored_row::has_null(std::string_view column) {
    return expect(column, std::nullopt);
}

stored_row& stored_row::expect(std::string_view column, std::optional<std::string> const& value) {
    named_.emplace(column);
    auto const found = values_.find(column);
    if (!problem_.empty()) {
        ADD_FAILURE() << table_ << '.' << column << ": " << problem_;
    } else if (found == values_.end()) {
        ADD_FAILURE() << table_ << " has no column " << column;
    } else if (found->second != value) {
        ADD_FAILURE() << table_ << '.' << column << " is " << text_of(found->second)
                      << " instead of " << text_of(value);
    }
    return *this;
}

stored_row& stored_row::has_no_more() {
    for (auto const& [column, value] : values_) {
        if (!named_.contains(column)) {
            ADD_FAILURE() << table_ << '.' << column << " is " << text_of(value)
                          << ", and the test does not say what it should be";
        }
    }
    return *this;
}

} // namespace tally::tests
