#pragma once

#include "rating/clock/band.hpp"
#include "rating/money/money.hpp"
#include "rating/tariff/metric_price.hpp"
#include "rating/tariff/tariff.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace tally::rating {

/// A plan as people write it: everything that a plan file contains and that the database stores of
/// it. Rates and metric prices have no ids here; `rate::band` is an index into `bands`.
struct plan_definition {
    std::string code;
    std::string name;
    std::string description;
    std::string currency = "INR"; ///< ISO 4217
    std::string time_zone = "UTC";
    amount monthly_price;
    std::optional<amount> annual_price;
    std::int32_t included_minutes = 0;
    std::int32_t included_dids = 0;
    std::optional<std::int32_t> max_concurrent_calls;
    rounding rounding_mode;
    bool split_at_bands = true;
    std::string fallback; ///< another plan's code; empty: no fallback
    std::string features; ///< JSON object: what the plan includes besides minutes; empty: nothing
    std::string tier;     ///< the plan's level within its product; empty: not given
    std::string billing_interval = "monthly"; ///< how it is offered: "yearly", "none"...
    std::int32_t display_order = 0;           ///< among the plans shown to a customer
    std::vector<band> bands;
    std::vector<rate> rates;
    std::vector<metric_price> metrics;

    friend bool operator==(plan_definition const&, plan_definition const&) = default;
};

/// The tariff that the definition describes. Throws std::invalid_argument as tariff does.
std::shared_ptr<tariff const> tariff_of(plan_definition const& plan,
                                        std::shared_ptr<tariff const> fallback);

} // namespace tally::rating
