#pragma once

#include "rating/plan/plan_definition.hpp"
#include "rating/plan/plan_problems.hpp"

#include <optional>
#include <span>
#include <string>
#include <string_view>

namespace tally::rating {

/// The band that a rate names: "" and "any" are any_band; nullopt when the plan has none of it.
std::optional<band_place> band_named(plan_definition const& plan, std::string_view name) noexcept;

/// What to say of a band that the plan does not have.
std::string unknown_band(plan_definition const& plan, std::string_view name);

/// What is wrong with a rate by itself; nullopt when it can be charged.
std::optional<std::string> fault_of(rate const& one);

/// Notes rates that are there twice, and such as hold at the same time by their own effective_to.
/// `places` are those of plan.rates.
void check_rates_together(plan_definition const& plan, std::span<plan_place const> places,
                          plan_problems& problems);

/// What is wrong with a metric's price by itself; nullopt when nothing is.
std::optional<std::string> fault_of(metric_price const& one);

/// Puts rates and metrics into the one order that makes equal plans compare equal: rates by
/// direction, on-net, prefix, band and beginning; metrics by name and beginning. Bands keep theirs,
/// which decides between equal weights.
void put_in_order(plan_definition& plan);

} // namespace tally::rating
