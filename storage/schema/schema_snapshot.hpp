#pragma once

#include "storage/postgres/pqxx_session.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tally::storage {

/// Kind ("table", "column", "index"...) and name of a database object.
using catalog_key = std::pair<std::string, std::string>;

/// Definitions of all objects of a schema, as PostgreSQL spells them, without what nobody declared:
/// partitions (the daemon makes them), objects of extensions, and the runner's own tables.
using catalog_objects = std::map<catalog_key, std::string>;

/// One object that differs.
struct catalog_change {
    catalog_key key;
    std::optional<std::string> before; ///< nullopt: it was not there
    std::optional<std::string> after;  ///< nullopt: it is gone

    /// "index billing.cdrs_pkey: missing"
    [[nodiscard]] std::string describe() const;
};

/// Reads the catalog; `schemas` limits it to these, empty means all. Leaves search_path at
/// "public". Throws sql_error.
catalog_objects read_catalog(pqxx_session& session, std::vector<std::string> const& schemas = {});

std::vector<catalog_change> compare_catalogs(catalog_objects const& before,
                                             catalog_objects const& after);
void apply_changes(catalog_objects& objects, std::vector<catalog_change> const& changes);

/// SHA-256 over every object and its definition.
std::string catalog_fingerprint(catalog_objects const& objects);

/// Schemas that the objects declare, and public.
std::vector<std::string> schemas_of(catalog_objects const& objects);

} // namespace tally::storage
