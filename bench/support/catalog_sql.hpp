#pragma once

#include "bench/support/sample_catalog.hpp"

#include <string>
#include <vector>

namespace tally::bench {

/// One statement, with rows if it is a COPY ... FROM STDIN in text format.
struct sql_step {
    std::string statement; ///< without the semicolon
    std::string rows;      ///< without the closing "\."
};

/// The statements that put a sample catalog into a migrated database, in one transaction.
std::vector<sql_step> catalog_sql(sample_catalog const& catalog);

/// The same statements as a script for psql.
std::string psql_script(std::vector<sql_step> const& steps);

} // namespace tally::bench
