#pragma once

#include "rating/plan/definition.hpp"
#include "rating/plan/problems.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <tuple>

namespace tally::rating {

/// The band of a name: "" and "any" are any_band; nullopt when the plan has no such band.
std::optional<band_index> band_named(plan_definition const& plan, std::string_view name) noexcept;

/// The message for a band that the plan does not have.
std::string unknown_band(plan_definition const& plan, std::string_view name);

/// Rates with the same key are versions of one rate: they differ in effective_from. Refers to `r`.
inline auto key_of(rate const& r) noexcept {
    return std::tie(r.direction, r.is_on_net, r.prefix, r.band);
}

/// The fault of a rate by itself; nullopt when it can be charged.
std::optional<std::string> fault_of(rate const& one);

/// Adds a problem for each rate that occurs twice and for each that begins before an older version
/// has reached its own effective_to. `locations` are those of plan.rates in the files.
void check_rates_together(plan_definition const& plan, std::span<plan_location const> locations,
                          plan_problems& problems);

/// The fault of a metric's price by itself; nullopt when it can be charged.
std::optional<std::string> fault_of(metric_price const& one);

/// Sorts rates and metrics so that equal plans compare equal: rates by direction, on-net, prefix,
/// band and begin; metrics by name and begin. Bands keep their order, since it decides between
/// bands of equal weight.
void put_in_order(plan_definition& plan);

} // namespace tally::rating
