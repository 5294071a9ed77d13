#pragma once

#include "ingest/base/record_error.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/tariff/metric_price.hpp"

#include <optional>
#include <vector>

namespace tally::rating {

/// What one subscription has used of a metric in one billing period, as far as it was rated.
struct metric_usage {
    quantity total;                        ///< as the metric's aggregation has it
    ingest::time_us latest_at = INT64_MIN; ///< aggregation::latest: when `total` was measured

    friend bool operator==(metric_usage const&, metric_usage const&) = default;
};

/// One usage event, as far as its price asks.
struct usage_event {
    quantity value; ///< not looked at by aggregation::count and unique
    ingest::time_us at = 0;
    bool is_new_value = true; ///< aggregation::unique: no earlier event of the period had its value
};

/// What an event costs and what explains it. Quantities as the metric's aggregation has them.
struct rated_usage {
    ingest::record_error error = ingest::record_error::none; ///< or amount_overflow
    amount cost;            ///< F(after) - F(before): below zero when the event makes it cheaper
    metric_usage after;     ///< the period with this event
    quantity included_used; ///< of the period's included quantity, with this event
    quantity included;      ///< what this event adds to included_used
    quantity billable;      ///< what it adds beyond the included quantity
};

/// F, the price of a billing period's whole quantity (docs/RATING.md, Metrics), rounded once;
/// nullopt when it does not fit. 0 for a quantity of 0 or less: no usage, hence no minimum either.
std::optional<amount> period_price(metric_price const& by, rounding how, quantity total) noexcept;

/// Rates one event after what the period has already. Costs add up to period_price() of the final
/// total, to the last digit, in whatever order events arrive. Pure: no allocation, no clock; as
/// quick as the metric has tiers.
rated_usage rate_usage(metric_price const& by, rounding how, metric_usage const& before,
                       usage_event const& event) noexcept;

} // namespace tally::rating
