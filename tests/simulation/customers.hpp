#pragma once

#include "ingest/record/source.hpp"
#include "rating/catalog/catalog.hpp"

#include <memory>

namespace tally::simulation {

inline constexpr unsigned numbers = 6;       ///< the last two move between accounts
inline constexpr unsigned fixed_numbers = 4; ///< these never move

/// Every account has a subscription and, by `shift`, some of the numbers.
std::shared_ptr<rating::catalog const> catalog_with(unsigned shift);
std::shared_ptr<ingest::source_table const> two_sources();

} // namespace tally::simulation
