#pragma once

#include "rating/tariff/metric_price.hpp"

#include <vector>

namespace tally::rating {

/// Throws std::invalid_argument with the metric's name for a price that cannot be charged: no name,
/// no package size, no tiers or tiers out of order, a minimum above the maximum, ...
void check_metric(metric_price const& price);

/// Checks all metrics and sorts them in the order in which find_metric searches: by name, then by
/// begin, the latest first. Equal ones keep their order.
void prepare_metrics(std::vector<metric_price>& metrics);

} // namespace tally::rating
