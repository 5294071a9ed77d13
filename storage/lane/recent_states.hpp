#pragma once

#include <boost/unordered/unordered_flat_map.hpp>

#include <algorithm>
#include <cstddef>

namespace tally::storage {

/// The states of rows that a lane remembers between batches, so that it need not read them again.
/// Two generations; the older one is forgotten when the younger is full, so that rows that change
/// often stay. It only saves queries: a caller that needs a state copies it, since the next put()
/// may forget it. One thread.
template <typename Key, typename State, typename Hash>
class recent_states {
  public:
    /// Remembers at most `states_max` states, and at least the latest half as many.
    explicit recent_states(std::size_t states_max)
        : generation_states_max_{std::max<std::size_t>(states_max / 2, 1)} {}

    /// Valid until the next put().
    [[nodiscard]] State const* find(Key const& key) const noexcept {
        if (auto const young = young_.find(key); young != young_.end()) {
            return &young->second;
        }
        auto const old = old_.find(key);
        return old == old_.end() ? nullptr : &old->second;
    }
    void put(Key const& key, State const& state) {
        if (young_.size() >= generation_states_max_ && !young_.contains(key)) {
            young_.swap(old_);
            young_.clear();
        }
        young_.insert_or_assign(key, state);
    }
    void clear() noexcept {
        young_.clear();
        old_.clear();
    }
    void forget(Key const& key) noexcept {
        young_.erase(key);
        old_.erase(key);
    }

  private:
    using generation = boost::unordered_flat_map<Key, State, Hash>;

    std::size_t generation_states_max_;
    generation young_;
    generation old_;
};

} // namespace tally::storage
