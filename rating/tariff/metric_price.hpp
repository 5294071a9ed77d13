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

/// One tier of a graduated or volume price. Up to and including `up_to` each unit costs `price`;
/// `flat` is charged once when the tier is entered.
struct price_tier {
    std::optional<quantity> up_to; ///< nullopt: the last tier, without an end
    amount price;
    amount flat;

    friend bool operator==(price_tier const&, price_tier const&) = default;
};

/// The price of a metric in a plan. It defines F, the price of a billing period's whole quantity.
struct metric_price {
    ingest::uuid id;
    std::string name; ///< "sms", "data_mb", "api_calls"...
    std::string unit; ///< name of one unit: "message"
    aggregation method = aggregation::sum;
    std::string unique_property; ///< of aggregation::unique: the property whose values are counted
    quantity included;           ///< free in each billing period
    price_model model = price_model::per_unit;
    amount price;                  ///< per unit, or per package
    quantity package;              ///< units in a package; a started package is charged whole
    std::vector<price_tier> tiers; ///< ascending by up_to; the last one has no up_to
    amount percent;                ///< of the quantity, read as an amount: 2.5 means 2.5 %
    amount minimum;                ///< charge of a period that has any usage
    amount maximum{INT64_MAX};     ///< INT64_MAX: no maximum
    ingest::time_us effective_from = INT64_MIN;
    ingest::time_us effective_to = INT64_MAX; ///< exclusive

    friend bool operator==(metric_price const&, metric_price const&) = default;
};

} // namespace tally::rating
