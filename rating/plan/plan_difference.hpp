#pragma once

#include "rating/plan/plan_definition.hpp"
#include "rating/plan/plan_versions.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tally::rating {

/// A plan as the database has it: its rates and metrics with their ids, also those that have ended.
struct stored_plan {
    ingest::uuid id;
    plan_definition plan;
    std::vector<ingest::uuid> band_ids; ///< of plan.bands
    std::int64_t subscriptions = 0;     ///< that are rated by it
    bool is_deleted = false;
};

/// A column of the plan itself that changes, as texts for people.
struct head_change {
    std::string what;
    std::string before;
    std::string after;

    friend bool operator==(head_change const&, head_change const&) = default;
};

/// What applying a definition to a stored plan changes.
struct plan_difference {
    bool is_new = false;
    std::vector<head_change> head;
    /// The stored bands and, behind them, those that are added. Rates in `rates` name places here.
    std::vector<band> bands;
    std::size_t stored_bands = 0;
    std::vector<band_place> order;         ///< the plan's bands in the file's order
    bool is_reordered = false;             ///< so that all positions have to be written
    std::vector<band_place> changed_bands; ///< stored ones that are otherwise now
    std::vector<band_place> removed_bands; ///< stored ones that no rate ever named
    version_changes<rate> rates;
    version_changes<metric_price> metrics;

    [[nodiscard]] bool empty() const noexcept {
        return !is_new && head.empty() && bands.size() == stored_bands && !is_reordered &&
               changed_bands.empty() && removed_bands.empty() && rates.empty() && metrics.empty();
    }
};

/// What has to be done at the moment `now` so that the database says what `wanted` says. Nothing
/// when it does already. `stored` is nullptr for a plan that is not there.
plan_difference difference_of(stored_plan const* stored, plan_definition const& wanted,
                              ingest::time_us now);

/// What a plan file of the stored plan holds: what is in effect at `now` or planned for later, and
/// the bands that it needs. Applying it changes nothing.
plan_definition in_effect_from(stored_plan const& stored, ingest::time_us now);

} // namespace tally::rating
