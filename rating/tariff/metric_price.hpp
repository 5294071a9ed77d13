#pragma once

#include "ingest/base/uuid.hpp"
#include "ingest/record/cdr.hpp"
#include "rating/money/money.hpp"
#include "rating/money/quantity.hpp"

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace tally::rating {

enum class price_model : std::uint8_t { per_unit, package, graduated, volume, percentage };
enum class aggregation : std::uint8_t { sum, count, max, unique, latest };

/// One tier of a graduated or volume price: up to and including `up_to`, each unit `price`, and
/// `flat` once when the tier is entered.
struct price_tier {
    std::optional<quantity> up_to; ///< none: the last tier, without an end
    amount price;
    amount flat;

    friend bool operator==(price_tier const&, price_tier const&) = default;
};

/// What a metric costs in a plan: F, the price of a billing period's whole quantity.
struct metric_price {
    ingest::uuid id;
    std::string name; ///< "sms", "data_mb", "api_calls"...
    std::string unit; ///< what one of it is called: "message"
    aggregation how = aggregation::sum;
    std::string unique_property; ///< of aggregation::unique: the property whose values are counted
    quantity included;           ///< of a billing period, free
    price_model model = price_model::per_unit;
    amount price;                  ///< per unit, or per package
    quantity package;              ///< units in a package; a started one counts whole
    std::vector<price_tier> tiers; ///< ascending by up_to; the last without
    amount percent;                ///< of the quantity, taken as an amount: 2.5 is 2.5 %
    amount minimum;                ///< spend of a period that has any usage
    amount maximum{INT64_MAX};     ///< INT64_MAX: none
    ingest::time_us effective_from = INT64_MIN;
    ingest::time_us effective_to = INT64_MAX; ///< exclusive

    friend bool operator==(metric_price const&, metric_price const&) = default;
};

} // namespace tally::rating
