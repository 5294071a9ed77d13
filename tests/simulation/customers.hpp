#pragma once

#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"
#include "storage/batch/batch_store.hpp"

#include <memory>

namespace tally::simulation {

inline constexpr unsigned accounts = 5;      ///< each has one subscription
inline constexpr unsigned numbers = 6;       ///< the last two move between accounts
inline constexpr unsigned fixed_numbers = 4; ///< these never move

/// Every account has a subscription and, by `shift`, some of the numbers.
std::shared_ptr<rating::catalog const> catalog_with(unsigned shift);
std::shared_ptr<ingest::source_table const> two_sources();
/// The usage row to which all calls and events of an account belong.
storage::usage_key usage_key_of(unsigned account);

} // namespace tally::simulation
