#pragma once

#include "rating/plan/definition.hpp"
#include "rating/plan/versions.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace tally::rating {

/// A plan as the database stores it: its rates and metrics with their ids, including those that
/// have ended.
struct stored_plan {
    ingest::uuid id;
    plan_definition plan;
    std::vector<ingest::uuid> band_ids; ///< of plan.bands
    std::int64_t subscriptions = 0;     ///< number of subscriptions on this plan
    bool is_deleted = false;
};

/// A column of the plan itself that changes, as texts for display.
struct head_change {
    std::string text;
    std::string before;
    std::string after;

    friend bool operator==(head_change const&, head_change const&) = default;
};

/// The changes that applying a definition makes to a stored plan.
struct plan_difference {
    bool is_new = false;
    std::vector<head_change> head;
    /// The stored bands, followed by those that are added. The rates in `rates` refer to these
    /// indices.
    std::vector<band> bands;
    std::size_t stored_bands = 0;
    std::vector<band_index> order;         ///< the plan's bands in the file's order
    bool is_reordered = false;             ///< true: all positions have to be written
    std::vector<band_index> changed_bands; ///< stored bands whose content changes
    std::vector<band_index> removed_bands; ///< stored bands that no rate ever referred to
    version_changes<rate> rates;
    version_changes<metric_price> metrics;

    [[nodiscard]] bool empty() const noexcept {
        return !is_new && head.empty() && bands.size() == stored_bands && !is_reordered &&
               changed_bands.empty() && removed_bands.empty() && rates.empty() && metrics.empty();
    }
};

/// The changes at the moment `now` after which the database says what `wanted` says; none when it
/// already does. `stored` is nullptr for a plan that the database does not have.
plan_difference difference_of(stored_plan const* stored, plan_definition const& wanted,
                              ingest::time_us now);

/// The content of a plan file for the stored plan: what is in effect at `now` or planned for later,
/// and the bands that this needs. Applying it changes nothing.
plan_definition in_effect_from(stored_plan const& stored, ingest::time_us now);

} // namespace tally::rating
