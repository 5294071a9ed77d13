#pragma once

#include "ingest/base/time.hpp"
#include "rating/money/money.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tally::storage {

using sql_value = std::optional<std::string>; ///< in PostgreSQL's text form; nullopt is NULL

/// A row in text form. The functions with a type throw database_error for a NULL, and for a text
/// that is no value of that type. Copies of the server's bytes: it outlives the request.
class sql_row {
  public:
    explicit sql_row(std::vector<sql_value> fields) : fields_{std::move(fields)} {}

    [[nodiscard]] std::size_t size() const noexcept { return fields_.size(); }
    [[nodiscard]] auto begin() const noexcept { return fields_.begin(); }
    [[nodiscard]] auto end() const noexcept { return fields_.end(); }
    sql_value& operator[](std::size_t column) { return fields_[column]; }
    sql_value const& operator[](std::size_t column) const { return fields_[column]; }

    [[nodiscard]] bool is_null(std::size_t column) const { return !fields_[column]; }
    /// Empty for NULL.
    [[nodiscard]] std::string text(std::size_t column) const;
    [[nodiscard]] bool boolean(std::size_t column) const;
    [[nodiscard]] std::int64_t integer(std::size_t column) const;
    /// A numeric, in 10^-9; it may have nine decimals.
    [[nodiscard]] rating::int128 nanos(std::size_t column) const;
    /// A timestamptz; us since 1970. Not for the two infinities.
    [[nodiscard]] ingest::time_us time(std::size_t column) const;

  private:
    [[nodiscard]] std::string const& present(std::size_t column, char const* type) const;

    std::vector<sql_value> fields_;
};

using sql_rows = std::vector<sql_row>;

} // namespace tally::storage
