#pragma once

#include "storage/postgres/result.hpp"

#include <cstdint>
#include <memory>
#include <string>

namespace tally::storage {

/// What became of effects.
struct effect_counts {
    std::int64_t applied = 0;
    std::int64_t suspended = 0;     ///< their events went to ingest.suspense
    std::int64_t last_position = 0; ///< of the last one; 0: there was none

    [[nodiscard]] std::int64_t taken() const noexcept { return applied + suspended; }
};

/// The effects that wait.
struct waiting_effects {
    std::int64_t count = 0;
    /// Since the oldest was stored, by the database's clock; 0: none waits.
    std::int64_t oldest_s = 0;
};

/// What the daemon's effects worker asks of the database. effect_queue is behind it, with a
/// connection of its own (connect_effects()). Failures are results. One thread, except cancel().
class effect_store {
  public:
    effect_store() = default;
    effect_store(effect_store const&) = delete;
    effect_store& operator=(effect_store const&) = delete;
    virtual ~effect_store() = default;

    /// As effect_queue::apply_next() and waiting().
    virtual result apply_next(effect_counts& out) = 0;
    virtual result waiting(waiting_effects& out) = 0;

    /// Any thread: aborts a running request and refuses all later ones.
    virtual void cancel() noexcept = 0;
    [[nodiscard]] virtual bool is_cancelled() const noexcept = 0;
};

/// The queue of a database. Does not connect; `purpose` is the name in pg_stat_activity.
std::unique_ptr<effect_store> connect_effects(std::string connection_string, std::string purpose);

} // namespace tally::storage
