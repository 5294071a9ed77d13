#pragma once

#include "ingest/base/uuid.hpp"
#include "rating/catalog/catalog.hpp"
#include "rating/tariff/tariff.hpp"
#include "storage/catalog/load_warnings.hpp"
#include "storage/postgres/pq_connection.hpp"
#include "storage/postgres/result.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <memory>
#include <vector>

namespace tally::storage {

using uuid_indices =
    boost::unordered_flat_map<ingest::uuid, rating::catalog_index, ingest::uuid_hash>;

/// The tariffs of all plans, and the index of each plan's id in them.
struct loaded_tariffs {
    std::vector<std::shared_ptr<rating::tariff const>> plans;
    uuid_indices indices;
};

/// Reads the plans with their bands, rates and metric prices, within the caller's transaction, and
/// builds tariffs. A part that a tariff refuses is left out with a warning, and so is a fallback
/// plan that leads back to the plan or has another currency.
expected<loaded_tariffs> load_tariffs(pq_connection& connection, load_warnings& warnings);

} // namespace tally::storage
