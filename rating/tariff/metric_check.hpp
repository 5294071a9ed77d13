#pragma once

#include "rating/tariff/metric_price.hpp"

#include <vector>

namespace tally::rating {

/// Throws std::invalid_argument, naming the metric, for a price that cannot be charged: no name, no
/// package size, no tiers or tiers out of order, a minimum over the maximum, ...
void check_metric(metric_price const& price);

/// Checks all and puts them in the order in which find_metric looks: by name, and of a name the
/// one that began last first; of those alike the first given stays first.
void prepare_metrics(std::vector<metric_price>& metrics);

} // namespace tally::rating
