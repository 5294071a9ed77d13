#pragma once

#include "storage/postgres/pq_connection.hpp"

#include <chrono>
#include <cstdint>
#include <set>
#include <string>
#include <string_view>

namespace tally::storage {

/// When an effect that fails for good goes to suspense, so that others can be applied: both must be
/// reached.
struct effect_patience {
    std::chrono::milliseconds time{60'000}; ///< since it failed for the first time
    std::int32_t attempts = 5;
};

/// An effect at the head of the queue.
struct head_effect {
    std::int64_t position = 0;
    std::string type; ///< of the event: effects of one type fail for one reason
};

/// Watches the effect at the head of the queue when it fails by itself with a permanent failure: no
/// retry helps until an operator acts, and all effects behind it would wait (docs/ARCHITECTURE.md,
/// R17). One thread.
class stuck_effect {
  public:
    using clock = std::chrono::steady_clock;

    explicit stuck_effect(effect_patience patience) noexcept : patience_{patience} {}

    /// `head` was tried alone and failed for good.
    void add_failure(head_effect const& head, clock::time_point now);
    /// An effect of this type was applied: its type is no longer suspected.
    void forget(std::string_view type);
    /// Whether the next failure of `head` ends the wait for it: it has failed for long enough, or
    /// one of its type was suspended since one was applied.
    [[nodiscard]] bool is_last_attempt(head_effect const& head, clock::time_point now) const;

    /// Whether some effect behind `head` can be applied, so that the failure is that of `head` or
    /// of its type, not of all: a queue that fails as a whole must wait as a whole. Tries the last
    /// of each type and takes it back. To be called within a transaction that can go on. Not ok
    /// only when it cannot.
    expected<bool> can_apply_others(pq_connection& connection, head_effect const& head);
    /// `head` was suspended: its type fails until one of its effects is applied.
    void add_suspended(head_effect const& head) { failing_types_.insert(head.type); }

  private:
    static expected<bool> can_apply(pq_connection& connection, std::int64_t position);

    effect_patience patience_;
    head_effect head_; ///< that failed last
    clock::time_point since_;
    std::int32_t attempts_ = 0;
    std::set<std::string, std::less<>> failing_types_; ///< the types of events are few
    std::int64_t applicable_ = 0; ///< position of an effect that could be applied last time
};

/// Applies the effect at a position: no row if it is gone, else position, verdict and type.
extern char const* const apply_one_sql;

} // namespace tally::storage
