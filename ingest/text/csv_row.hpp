#pragma once

#include <cstddef>
#include <span>
#include <string_view>

namespace tally::ingest {

/// A row over this length has lost a quote: switches write rows of 1 to 4 KiB.
inline constexpr std::size_t csv_row_bytes_max = 64 * 1024;

/// Length of the row at the front of `bytes` with its line end (LF, CR LF or CR alone), or 0 if its
/// end is not in `bytes` and more may follow.
///
/// A byte order mark at the front is skipped. Line ends inside quotes belong to the row. A quote
/// that is never closed, or closed in the middle of a field, marks a torn row: it ends at its first
/// line end, so that the rows after it are not lost with it.
std::size_t csv_row_length(std::string_view bytes, bool at_end) noexcept;

/// A field of a row: the bytes between its quotes, if it has any.
struct csv_field {
    std::string_view text;
    bool has_doubled_quotes = false; ///< `text` contains "" for "

    friend bool operator==(csv_field const&, csv_field const&) = default;
};

struct csv_split {
    std::size_t columns = 0; ///< all of them, including those that did not fit
    bool is_closed = true;   ///< false: a quote is not closed at the end of its field
};

/// Splits a row (without its line end) at its commas into `fields`, as far as they fit.
csv_split split_csv_row(std::string_view row, std::span<csv_field> fields) noexcept;

} // namespace tally::ingest
