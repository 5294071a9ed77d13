#pragma once

#include "rating/rater/metric_rater.hpp"

#include <cstdint>

namespace tally::storage {

/// The part of a row of billing.subscription_metric_usage that rating needs.
struct metric_state {
    std::int64_t version = 0; ///< 0: no row
    rating::metric_usage usage;
};

} // namespace tally::storage
