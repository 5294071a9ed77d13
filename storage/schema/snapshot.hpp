#pragma once

#include "storage/postgres/sql_session.hpp"

#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace tally::storage {

/// Kind ("table", "column", "index"...) and name of a database object.
using catalog_key = std::pair<std::string, std::string>;

/// Definitions of all objects of a schema, as PostgreSQL prints them. Left out are objects that no
/// migration declares: partitions (the daemon creates them), objects of extensions, and the
/// runner's own tables.
using catalog_objects = std::map<catalog_key, std::string>;

/// One object that differs.
struct catalog_change {
    catalog_key key;
    std::optional<std::string> before; ///< nullopt: it did not exist
    std::optional<std::string> after;  ///< nullopt: it no longer exists

    /// A text such as "index billing.cdrs_pkey: missing".
    [[nodiscard]] std::string describe() const;
};

/// Reads PostgreSQL's catalog: of these schemas, or of all if `schemas` is empty. Leaves
/// search_path at "public". Throws database_error.
catalog_objects read_schema(sql_session& session, std::vector<std::string> const& schemas = {});

std::vector<catalog_change> compare_catalogs(catalog_objects const& before,
                                             catalog_objects const& after);
void apply_changes(catalog_objects& objects, std::vector<catalog_change> const& changes);

/// SHA-256 of all objects and their definitions.
std::string catalog_fingerprint(catalog_objects const& objects);

/// The schemas among the objects, and public.
std::vector<std::string> schemas_of(catalog_objects const& objects);

} // namespace tally::storage
