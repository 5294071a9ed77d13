#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>

namespace tally::tests {

/// The one row of a table, or the one that fits a condition, column by column in PostgreSQL's text
/// form. Each expectation that fails names its column; if there is not exactly one row, all fail.
///
///     stored_row{database, "billing.cdrs", "caller_id = '1000'"}
///         .has("cost", "1.700000001")
///         .has_null("answer_time")
///         .has_no_more(); // every column was looked at: one that is added later has to be, too
class stored_row {
  public:
    stored_row(std::string const& connection_string, std::string_view table,
               std::string_view condition = "true");

    stored_row& has(std::string_view column, std::string_view value);
    stored_row& has_null(std::string_view column);
    /// Expects that no column is left that was not named before.
    stored_row& has_no_more();

  private:
    stored_row& expect(std::string_view column, std::optional<std::string> const& value);

    std::string table_;
    std::string problem_; ///< why there is no row to look at; empty: there is one
    std::map<std::string, std::optional<std::string>, std::less<>> values_; ///< nullopt: NULL
    std::set<std::string, std::less<>> named_;
};

} // namespace tally::tests
