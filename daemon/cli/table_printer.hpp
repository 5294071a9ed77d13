#pragma once

#include <cstdint>
#include <iosfwd>
#include <string>
#include <string_view>
#include <vector>

namespace tally::daemon {

enum class table_align : std::uint8_t { left, right };

struct table_column {
    std::string title;
    table_align location = table_align::left;
};

/// A table for a terminal: a header line, aligned columns, two blanks between them. Cells may
/// contain UTF-8; control characters, on which a terminal would act, are shown as '?'. One thread.
///
///     table_printer table{{{"name"}, {"records", table_align::right}}};
///     table.add({"calls.csv", "1,234"});
///     table.print(std::cout);
class table_printer {
  public:
    explicit table_printer(std::vector<table_column> columns);

    /// Adds a row. Cells beyond the last column are dropped, missing cells are empty.
    void add(std::vector<std::string> cells);
    void print(std::ostream& out) const;
    [[nodiscard]] bool empty() const noexcept { return rows_.empty(); }

  private:
    void print_row(std::ostream& out, std::vector<std::string> const& cells) const;

    std::vector<table_column> columns_;
    std::vector<std::size_t> widths_; ///< in code points
    std::vector<std::vector<std::string>> rows_;
};

/// "1234567" as "1,234,567".
std::string grouped(std::uint64_t number);

/// The same of a count from the database, whose integers have a sign; 0 for a negative one.
std::string count_text(std::int64_t count);

/// `text` with each control character replaced by '?', safe to show on a terminal.
std::string printable(std::string_view text);

} // namespace tally::daemon
