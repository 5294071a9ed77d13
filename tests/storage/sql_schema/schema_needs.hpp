#pragma once

#include "storage/postgres/sql_session.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// One requirement of a kind of back end: a line of tests/storage/sql_schema/requirements.
///
///     table billing.payments                  (or view): the following lines are about it
///       columns 23                            at least this number
///       status enum pending failed not null   name, type, values, whether it may be null
///       index (customer_id)                   an index with these leading columns
///       unique (payment_number)               among rows that are not soft-deleted
///       foreign key (invoice_id) to billing.invoices restrict
///
/// Alternatives, of which the schema has one: `token|token_hash`.
struct schema_need {
    std::string file;     ///< "licensing.txt"
    std::string relation; ///< "licensing.licenses"; empty for functions
    std::string text;     ///< the line

    [[nodiscard]] std::string describe() const;
};

/// The needs in the text of a file. Throws std::runtime_error for a line before any table.
std::vector<schema_need> read_needs(std::string const& file, std::string_view text);

/// Compares needs with the catalog of a database.
class schema_prover {
  public:
    explicit schema_prover(std::string const& connection_string);

    /// Empty if the need is met, otherwise what is missing or different. Throws std::runtime_error
    /// if the need cannot be parsed.
    std::string complaint(schema_need const& need);

    /// How many rows of a fact there are over these tables: "columns", "indexes", "foreign_keys".
    int count(std::string const& fact, std::vector<std::string> const& tables);

  private:
    std::string column_complaint(schema_need const& need);

    sql_session session_;
};

} // namespace tally::storage
