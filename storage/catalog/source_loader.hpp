#pragma once

#include "ingest/record/source.hpp"
#include "storage/catalog/load_warnings.hpp"
#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <memory>
#include <string>

namespace tally::storage {

struct loaded_sources {
    std::shared_ptr<ingest::source_table const> sources; ///< nullptr unless the load succeeded
    load_warnings warnings;
};

/// Reads ingest.sources, including inactive ones, whose tokens are recognized and refused.
expected<loaded_sources> load_sources(pq_connection& connection);

/// On a connection of its own.
expected<loaded_sources> load_sources(std::string const& connection_string);

} // namespace tally::storage
