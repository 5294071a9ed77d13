#pragma once

#include "bench/support/sample_catalog.hpp"

#include <string>
#include <vector>

namespace tally::bench {

/// One statement; with rows when it is a COPY ... FROM STDIN in text format.
struct sql_step {
    std::string statement; ///< without the semicolon
    std::string rows;      ///< without the closing "\."
};

/// What puts a sample catalog into a migrated database, within one transaction.
std::vector<sql_step> catalog_sql(sample_catalog const& catalog);

/// The same as a script for psql.
std::string psql_script(std::vector<sql_step> const& steps);

} // namespace tally::bench
