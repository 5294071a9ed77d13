#include "rating/tariff/metric_check.hpp"

#include <algorithm>
#include <stdexcept>
#include <tuple>

// The rules that a metric's price must satisfy before it can be charged, and the order in which a
// tariff searches the prices.

namespace tally::rating {

namespace {

[[noreturn]] void refuse(metric_price const& bad, std::string const& reason) {
    throw std::invalid_argument("metric '" + bad.name + "': " + reason);
}

bool has_tiers(metric_price const& price) noexcept {
    return price.model == price_model::graduated || price.model == price_model::volume;
}

void check_tiers(metric_price const& price) {
    if (price.tiers.empty()) {
        refuse(price, "a graduated or volume price needs tiers");
    }
    // The tiers must cover every quantity without a gap or an overlap.
    quantity begin;
    for (price_tier const& tier : price.tiers) {
        bool const is_last = &tier == &price.tiers.back();
        if (is_last != !tier.up_to.has_value()) {
            refuse(price, "every tier but the last has an up_to, and the last has none");
        }
        if (tier.up_to && (*tier.up_to <= begin || *tier.up_to > quantity_max)) {
            refuse(price, "tiers must be in the order of their up_to, the first above 0");
        }
        begin = tier.up_to.value_or(begin);
    }
}

void check_model(metric_price const& price) {
    if (has_tiers(price)) {
        check_tiers(price);
    } else if (!price.tiers.empty()) {
        refuse(price, "only a graduated or volume price has tiers");
    }
    if (price.model == price_model::package &&
        (price.package.nanos <= 0 || price.package > quantity_max)) {
        refuse(price, "a package must hold more than 0 and at most 10^18");
    }
}

} // namespace

void check_metric(metric_price const& price) {
    if (price.name.empty()) {
        refuse(price, "a metric needs a name");
    }

    // The included quantity and the package are bounded so that no sum of them overflows.
    check_model(price);
    if (price.included.nanos < 0 || price.included > quantity_max) {
        refuse(price, "the included quantity must be 0 to 10^18");
    }
    if (price.method == aggregation::unique && price.unique_property.empty()) {
        refuse(price, "counting unique values needs the name of their property");
    }

    // Bounds and times that contradict each other would charge by whichever is checked first.
    if (price.minimum > price.maximum) {
        refuse(price, "the minimum is above the maximum");
    }
    if (price.effective_from >= price.effective_to) {
        refuse(price, "it ends before it takes effect");
    }
}

void prepare_metrics(std::vector<metric_price>& metrics) {
    std::for_each(metrics.begin(), metrics.end(), check_metric);
    // By name for the search, and within a name the newest version first. Stable: of two that begin
    // together the first one given is found.
    std::stable_sort(
        metrics.begin(), metrics.end(), [](metric_price const& a, metric_price const& b) {
            return std::tie(a.name, b.effective_from) < std::tie(b.name, a.effective_from);
        });
}

} // namespace tally::rating
