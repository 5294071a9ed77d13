#include "daemon/cli/table_printer.hpp"

#include <algorithm>
#include <ostream>

namespace tally::daemon {

namespace {

/// Two blanks: cells may contain one.
constexpr std::string_view gap = "  ";

/// The number of code points. Ignores double-width and combining characters, which are rare in the
/// names of files and sources.
std::size_t width_of(std::string_view text) noexcept {
    return static_cast<std::size_t>(std::count_if(text.begin(), text.end(), [](char c) {
        return (static_cast<unsigned char>(c) & 0xc0) != 0x80;
    }));
}

} // namespace

table_printer::table_printer(std::vector<table_column> columns) : columns_(std::move(columns)) {
    for (auto const& column : columns_) {
        widths_.push_back(width_of(column.title));
    }
}

/// Rows are kept until print(), because the widest cell decides each column.
void table_printer::add(std::vector<std::string> cells) {
    cells.resize(columns_.size());
    for (std::size_t i = 0; i < cells.size(); ++i) {
        // Cells come from senders and files: a terminal must not act on their control characters.
        cells[i] = printable(cells[i]);
        widths_[i] = std::max(widths_[i], width_of(cells[i]));
    }
    rows_.push_back(std::move(cells));
}

void table_printer::print(std::ostream& out) const {
    std::vector<std::string> titles;
    for (auto const& column : columns_) {
        titles.push_back(column.title);
    }
    print_row(out, titles);
    for (auto const& row : rows_) {
        print_row(out, row);
    }
}

void table_printer::print_row(std::ostream& out, std::vector<std::string> const& cells) const {
    std::string line;
    for (std::size_t i = 0; i < cells.size(); ++i) {
        std::string const blanks(widths_[i] - width_of(cells[i]), ' ');
        line += i == 0 ? "" : gap;
        line += columns_[i].location == table_align::right ? blanks + cells[i] : cells[i] + blanks;
    }

    // No blanks at the end of a line: they would be copied along.
    line.erase(line.find_last_not_of(' ') + 1);
    out << line << '\n';
}

std::string grouped(std::uint64_t number) {
    std::string text = std::to_string(number);
    for (std::size_t index = text.size(); index > 3;) {
        index -= 3;
        text.insert(index, 1, ',');
    }
    return text;
}

std::string count_text(std::int64_t count) {
    return grouped(static_cast<std::uint64_t>(std::max<std::int64_t>(count, 0)));
}

std::string printable(std::string_view text) {
    std::string shown{text};
    for (char& c : shown) {
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
            c = '?';
        }
    }
    return shown;
}

} // namespace tally::daemon
