#pragma once

#include "storage/catalog/catalog_loader.hpp"

#include <memory>
#include <stdexcept>
#include <string>

namespace tally::tests {

/// Loads the catalog of a test database. Throws when it cannot be loaded or has warnings.
inline std::shared_ptr<rating::catalog const> catalog_of(std::string const& connection_string) {
    storage::loaded_catalog loaded;
    if (auto const status = storage::load_catalog(connection_string, loaded); !status.ok()) {
        throw std::runtime_error{status.detail};
    }
    if (loaded.warnings.count() > 0) {
        throw std::runtime_error{loaded.warnings.texts().front()};
    }
    return loaded.catalog;
}

} // namespace tally::tests
