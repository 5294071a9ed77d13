#pragma once

#include "storage/postgres/pqxx_session.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace tally::storage {

/// One thing that a kind of back end asks of the schema: a line of tests/storage/schema/requirements.
///
///     table billing.payments                  (or view): the lines below it are about it
///       columns 23                            at least so many
///       status enum pending failed not null   name, type, values, whether it may be null
///       index (customer_id)                   an index with these leading columns
///       unique (payment_number)               among rows that are not soft-deleted
///       foreign key (invoice_id) to billing.invoices restrict
///
/// Where the choice is the schema's, alternatives are given: `token|token_hash`.
struct schema_need {
    std::string file;     ///< "licensing.txt"
    std::string relation; ///< "licensing.licenses"; empty for functions
    std::string text;     ///< the line

    [[nodiscard]] std::string describe() const;
};

/// Needs of one file's text. Throws std::runtime_error at a line that is about no table.
std::vector<schema_need> read_needs(std::string const& file, std::string_view text);

/// Holds needs against the catalog of a database.
class schema_prover {
  public:
    explicit schema_prover(std::string const& connection_string);

    /// Empty when the need is met, else what is missing or different. Throws std::runtime_error
    /// when it cannot be understood.
    std::string complaint(schema_need const& need);

    /// How many rows of a fact there are over these tables: "columns", "indexes", "foreign_keys".
    int count(std::string const& fact, std::vector<std::string> const& tables);

  private:
    std::string column_complaint(schema_need const& need);

    pqxx_session session_;
};

} // namespace tally::storage
