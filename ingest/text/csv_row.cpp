#include "ingest/text/csv_row.hpp"

#include "ingest/text/trim.hpp"

#include <algorithm>
#include <cstring>

namespace tally::ingest {
namespace {

constexpr auto npos = std::string_view::npos;

constexpr bool is_line_end(char c) noexcept {
    return c == '\n' || c == '\r';
}

std::size_t find_line_end(std::string_view bytes, std::size_t begin) noexcept {
    while (begin < bytes.size() && !is_line_end(bytes[begin])) {
        ++begin;
    }
    return begin < bytes.size() ? begin : npos;
}

/// Offset after the line end that begins at `index`; 0 if it may be the first half of CR LF.
std::size_t behind_line_end(std::string_view bytes, std::size_t index, bool at_end) noexcept {
    if (bytes[index] == '\n') {
        return index + 1;
    }

    // A CR at the end of a piece may be followed by LF in the next one.
    if (index + 1 == bytes.size()) {
        return at_end ? index + 1 : 0;
    }
    return bytes[index + 1] == '\n' ? index + 2 : index + 1;
}

/// The row's length if its quotes cannot be trusted: up to the first line end.
std::size_t torn_row_length(std::string_view bytes, bool at_end) noexcept {
    std::size_t const end = find_line_end(bytes, 0);
    if (end == npos) {
        return at_end ? bytes.size() : 0;
    }
    return behind_line_end(bytes, end, at_end);
}

/// The length of a row whose last field reaches the end of the input so far.
std::size_t unended_row_length(std::string_view bytes, bool may_grow, bool at_end) noexcept {
    if (may_grow) {
        return 0;
    }
    return bytes.size() <= csv_row_bytes_max && at_end ? bytes.size()
                                                       : torn_row_length(bytes, at_end);
}

bool ends_field(std::string_view bytes, std::size_t index) noexcept {
    return index == bytes.size() || bytes[index] == ',' || is_line_end(bytes[index]);
}

/// Offset of the closing quote of the quoted text that begins at `begin`, or npos.
std::size_t find_closing_quote(std::string_view bytes, std::size_t begin) noexcept {
    for (;;) {
        std::size_t const quote = bytes.find('"', begin);
        if (quote == npos || quote + 1 >= bytes.size() || bytes[quote + 1] != '"') {
            return quote;
        }
        begin = quote + 2;
    }
}

std::size_t skip_blanks(std::string_view bytes, std::size_t index) noexcept {
    while (index < bytes.size() && bytes[index] == ' ') {
        ++index;
    }
    return index;
}

std::size_t find_field_end(std::string_view bytes, std::size_t index) noexcept {
    while (index < bytes.size() && bytes[index] != ',' && !is_line_end(bytes[index])) {
        ++index;
    }
    return index;
}

} // namespace

std::size_t csv_row_length(std::string_view bytes, bool at_end) noexcept {
    std::string_view const window = bytes.substr(0, csv_row_bytes_max);

    // A row longer than the window has lost a quote, so the search never goes beyond it.
    bool const may_grow = !at_end && bytes.size() < csv_row_bytes_max;
    std::size_t index = window.size() - strip_bom(window).size();
    for (;;) {
        std::size_t const start = skip_blanks(window, index);
        if (start < window.size() && window[start] == '"') {
            std::size_t const close = find_closing_quote(window, start + 1);

            // A quote at the very end may be the first of a doubled one.
            if (may_grow && (close == npos || close + 1 == window.size())) {
                return 0;
            }
            index = close == npos ? npos : close + 1;

            // No closing quote, or text after it: the row is torn.
            if (index > window.size() || !ends_field(window, index)) {
                return torn_row_length(bytes, at_end);
            }
        } else {
            index = find_field_end(window, start);
        }

        // The field ends with the window, with the row, or before the next field.
        if (index == window.size()) {
            return unended_row_length(bytes, may_grow, at_end);
        }
        if (is_line_end(window[index])) {
            return behind_line_end(bytes, index, at_end);
        }
        ++index;
    }
}

csv_split split_csv_row(std::string_view row, std::span<csv_field> fields) noexcept {
    csv_split result;
    std::size_t index = 0;
    for (;;) {
        csv_field field;
        std::size_t const start = skip_blanks(row, index);
        std::size_t end = 0;

        // A comma in quotes belongs to the field.
        if (start < row.size() && row[start] == '"') {
            std::size_t const close = std::min(find_closing_quote(row, start + 1), row.size());
            end = std::min(row.find(',', close), row.size());
            field.text = row.substr(start + 1, close - start - 1);
            field.has_doubled_quotes = field.text.find('"') != npos;
            result.is_closed = result.is_closed && close < row.size() && end == close + 1;
        } else {
            end = std::min(row.find(',', index), row.size());
            field.text = row.substr(index, end - index);
        }

        // Further columns are only counted, so that the caller sees how many there are.
        if (result.columns < fields.size()) {
            fields[result.columns] = field;
        }
        ++result.columns;
        if (end == row.size()) {
            return result;
        }
        index = end + 1;
    }
}

} // namespace tally::ingest
