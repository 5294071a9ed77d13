#pragma once

#include "storage/catalog/loader.hpp"
#include "storage/postgres/database_error.hpp"

#include <memory>
#include <stdexcept>
#include <string>

namespace tally::tests {

/// Loads the catalog of a test database. Throws when it cannot be loaded or has warnings.
inline std::shared_ptr<rating::catalog const> catalog_of(std::string const& connection_string) {
    auto const loaded = check(storage::load_catalog(connection_string));
    if (loaded.warnings.count() > 0) {
        throw std::runtime_error{loaded.warnings.texts().front()};
    }
    return loaded.catalog;
}

} // namespace tally::tests
