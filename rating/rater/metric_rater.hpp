#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/tariff/metric_price.hpp"

#include <optional>
#include <vector>

namespace tally::rating {

/// The usage of one metric by one subscription in one billing period, as rated so far.
struct metric_usage {
    quantity total;                        ///< by the metric's aggregation
    ingest::time_us latest_at = INT64_MIN; ///< aggregation::latest: when `total` was measured

    friend bool operator==(metric_usage const&, metric_usage const&) = default;
};

/// The parts of a usage event on which its price depends.
struct usage_event {
    quantity value; ///< ignored by aggregation::count and unique
    ingest::time_us time = 0;
    bool is_new_value = true; ///< aggregation::unique: no earlier event of the period had its value
};

/// The cost of an event and the figures that explain it. Quantities are by the metric's
/// aggregation.
struct rated_usage {
    ingest::record_error error = ingest::record_error::none; ///< or amount_overflow
    amount cost;            ///< F(after) - F(before); negative when the period becomes cheaper
    metric_usage after;     ///< the period with this event
    quantity included_used; ///< used part of the period's included quantity, with this event
    quantity included;      ///< the part that this event adds to included_used
    quantity billable;      ///< the part that this event adds beyond the included quantity
};

/// F, the price of a billing period's whole quantity (docs/RATING.md, Metrics), rounded once;
/// nullopt when it does not fit an amount. F is 0 for a quantity of 0 or less: without usage the
/// minimum is not charged either.
std::optional<amount> period_price(metric_price const& metric, rounding rounding_mode,
                                   quantity total) noexcept;

/// Rates one event, given the usage of its period before it. The costs of a period's events add up
/// to period_price() of the final total, to the last digit, in any order of arrival. Pure: no
/// allocation, no clock. The time grows with the number of tiers only.
rated_usage rate_usage(metric_price const& metric, rounding rounding_mode,
                       metric_usage const& before, usage_event const& event) noexcept;

} // namespace tally::rating
