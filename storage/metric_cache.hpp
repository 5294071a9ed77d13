#pragma once

#include "storage/metric_state.hpp"
#include "storage/usage_book.hpp"

#include <boost/unordered/unordered_flat_map.hpp>

#include <cstdint>

namespace tally::storage {

/// A row of billing.subscription_metric_usage; `metric` as the lane's usage_book numbers it.
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

/// What a lane remembers of metric rows between batches; as usage_cache.
class metric_cache {
  public:
    [[nodiscard]] metric_state const* find(metric_key const& key) const noexcept {
        auto const found = states_.find(key);
        return found == states_.end() ? nullptr : &found->second;
    }
    void put(metric_key const& key, metric_state const& state) {
        if (states_.size() >= states_max) {
            states_.clear();
        }
        states_.insert_or_assign(key, state);
    }
    void forget(metric_key const& key) noexcept { states_.erase(key); }

  private:
    /// About 100 bytes each, 50 MB at worst.
    static constexpr std::size_t states_max = 500'000;
    boost::unordered_flat_map<metric_key, metric_state, metric_key_hash> states_;
};

} // namespace tally::storage
