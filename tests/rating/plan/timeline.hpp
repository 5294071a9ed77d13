#pragma once

#include "rating/plan/difference.hpp"

#include <cstdint>

namespace tally::rating::tests {

/// Applies a difference to a plan in memory, as the store applies it to the database.
inline void apply(stored_plan& stored, plan_difference const& changes, std::uint32_t& last_id) {
    auto const by_id = [&](ingest::uuid const& id) {
        return std::ranges::find(stored.plan.rates, id, &rate::id);
    };
    for (auto const& each : changes.rates.removed) {
        stored.plan.rates.erase(by_id(each.id));
    }
    for (auto const& each : changes.rates.ended) {
        by_id(each.before.id)->effective_to = each.end;
    }
    for (auto const& each : changes.rates.renamed) {
        by_id(each.id)->name = each.name;
    }
    for (auto added : changes.rates.added) {
        ++last_id;
        for (std::size_t i = 0; i < 4; ++i) {
            added.id.bytes[i] = static_cast<std::uint8_t>(last_id >> (24 - 8 * i));
        }
        stored.plan.rates.push_back(std::move(added));
    }
}

/// The rate that applies at `when`: of those in effect, the one that began last.
inline rate const* held_at(std::vector<rate> const& rates, ingest::time_us when) {
    rate const* found = nullptr;
    for (auto const& each : rates) {
        bool const holds = each.effective_from <= when && when < each.effective_to;
        if (holds && (found == nullptr || found->effective_from < each.effective_from)) {
            found = &each;
        }
    }
    return found;
}

} // namespace tally::rating::tests
