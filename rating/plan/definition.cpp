#include "rating/plan/definition.hpp"

#include <algorithm>

namespace tally::rating {

std::shared_ptr<tariff const> tariff_of(plan_definition const& plan,
                                        std::shared_ptr<tariff const> fallback) {
    tariff::content content;
    content.head.code = plan.code;
    // The tariff keeps the code in a fixed array; a longer one was refused when the plan was read.
    std::copy_n(plan.currency.begin(), std::min(plan.currency.size(), content.head.currency.size()),
                content.head.currency.begin());
    content.head.time_zone = plan.time_zone;
    content.head.rounding_mode = plan.rounding_mode;
    content.head.included_s = std::int64_t{plan.included_minutes} * 60;
    content.head.split_at_bands = plan.split_at_bands;
    content.rates = plan.rates;
    content.bands = plan.bands;
    content.metrics = plan.metrics;
    content.fallback = std::move(fallback);
    return std::make_shared<tariff const>(std::move(content));
}

} // namespace tally::rating
