#pragma once

#include "storage/batch/metric_state.hpp"
#include "storage/lane/recent_states.hpp"
#include "storage/lane/usage_totals.hpp"

#include <cstdint>

namespace tally::storage {

/// Key of a row of billing.subscription_metric_usage. `metric` is the number that the lane's
/// usage_totals gave to the name.
struct metric_key {
    usage_key period;
    std::uint32_t metric = 0;

    friend bool operator==(metric_key const&, metric_key const&) = default;
};

struct metric_key_hash {
    using is_avalanching = void;
    std::size_t operator()(metric_key const& k) const noexcept {
        return usage_key_hash{}(k.period) ^ (k.metric * 0xbf58476d1ce4e5b9ULL);
    }
};

/// The metric rows that a lane remembers: committed states only, as in usage_cache.
using metric_cache = recent_states<metric_key, metric_state, metric_key_hash>;

} // namespace tally::storage
