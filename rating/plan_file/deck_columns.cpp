#include "rating/plan_file/deck_columns.hpp"

#include "ingest/text/trim.hpp"
#include "rating/plan/values.hpp"

#include <algorithm>

namespace tally::rating {

namespace {

std::string lower_case(std::string_view text) {
    std::string lower{text};
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower;
}

void undouble_quotes(std::string_view text, std::string& out) {
    out.clear();
    for (std::size_t i = 0; i < text.size(); ++i) {
        out += text[i];
        i += text[i] == '"' && i + 1 < text.size() && text[i + 1] == '"' ? 1 : 0;
    }
}

plan_location location_in(plan_location row, std::string_view text, std::string_view field) {
    // An empty field may be a view of nothing; its position is then that of the row.
    auto const offset = field.data() >= text.data() && field.data() <= text.data() + text.size()
                            ? field.data() - text.data()
                            : 0;
    return {row.file, row.line, row.column + static_cast<std::uint32_t>(offset)};
}

} // namespace

bool deck_row::take_name(std::string_view name, std::size_t column, plan_location location,
                         plan_problems& problems) {
    std::string const lower = lower_case(ingest::trimmed(name));

    // Spreadsheets capitalize headers, so their case does not matter.
    auto const found = std::ranges::find(deck_column_names, std::string_view{lower});
    if (found == deck_column_names.end()) {
        std::string text = "unknown column \"" + lower + "\"";
        auto const meant = nearest_of(lower, deck_column_names);
        text += meant.empty() ? "; a deck has " + listed(deck_column_names).substr(7)
                              : "; did you mean " + std::string{meant} + "?";
        problems.add(location, text);
        return false;
    }

    // A second column of one name would leave it open which one counts.
    int const number = static_cast<int>(found - deck_column_names.begin());
    if (std::ranges::find(columns_, number) != columns_.end()) {
        problems.add(location, "the column " + lower + " occurs twice");
        return false;
    }
    columns_[column] = number;
    return true;
}

bool deck_row::take_header(std::string_view row, plan_location location, plan_problems& problems) {
    fields_.resize(columns_max);
    auto const split = ingest::split_csv_row(row, fields_);

    // Spreadsheets of many countries separate by semicolons; the general message would not tell.
    if (split.columns == 1 && row.find(';') != std::string_view::npos) {
        problems.add(location, "the columns must be separated by commas, not semicolons");
        return false;
    }
    if (split.columns > columns_max || !split.is_closed || !is_plain_text(row, true)) {
        problems.add(location,
                     "this is not the header of a deck: the first line names the columns, such as "
                     "prefix,name,price,increments");
        return false;
    }

    // Report every wrong name of the header, not only the first.
    fields_.resize(split.columns);
    columns_.assign(split.columns, -1);
    bool is_good = true;
    for (std::size_t i = 0; i < split.columns; ++i) {
        is_good =
            take_name(fields_[i].text, i, location_in(location, row, fields_[i].text), problems) &&
            is_good;
    }

    // A missing column is only reported if all names are known: it may be a mistyped one.
    for (auto const needed : {deck_column::prefix, deck_column::price}) {
        if (is_good && std::ranges::find(columns_, static_cast<int>(needed)) == columns_.end()) {
            problems.add(location,
                         "there is no column " +
                             std::string{deck_column_names[static_cast<std::size_t>(needed)]});
            is_good = false;
        }
    }
    return is_good;
}

bool deck_row::take(std::string_view row, plan_location location, plan_problems& problems) {
    row_ = row;
    location_ = location;
    auto const split = ingest::split_csv_row(row, fields_);
    if (!split.is_closed) {
        problems.add(location, "a quote of this row is not closed, or closed within a field");
        return false;
    }

    // A missing comma would shift the rest of the row into wrong columns.
    if (split.columns != fields_.size()) {
        problems.add(location, "the row has " + std::to_string(split.columns) +
                                   " columns, the header " + std::to_string(fields_.size()));
        return false;
    }
    if (!is_plain_text(row, true)) {
        problems.add(location, "the row must be text (UTF-8 without control characters)");
        return false;
    }

    for (std::size_t i = 0; i < fields_.size(); ++i) {
        auto const column = static_cast<std::size_t>(columns_[i]);
        texts_[column] = ingest::trimmed(fields_[i].text);
        // Few fields have quotes, so the others stay views of the row.
        if (fields_[i].has_doubled_quotes) {
            undouble_quotes(texts_[column], unquoted_[column]);
            texts_[column] = unquoted_[column];
        }
    }
    return true;
}

plan_location deck_row::location_of(deck_column column) const noexcept {
    auto const found = std::ranges::find(columns_, static_cast<int>(column));
    if (found == columns_.end()) {
        return location_;
    }
    auto const& field = fields_[static_cast<std::size_t>(found - columns_.begin())];
    return location_in(location_, row_, field.text);
}

void deck_row::problem(deck_column column, std::string const& text, plan_problems& problems) const {
    problems.add(location_of(column),
                 std::string{deck_column_names[static_cast<std::size_t>(column)]} + ": " + text);
}

} // namespace tally::rating
