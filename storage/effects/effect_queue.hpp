#pragma once

#include "storage/effects/effect_store.hpp"
#include "storage/effects/stuck_effect.hpp"
#include "storage/postgres/pq_connection.hpp"

#include <cstdint>
#include <functional>

namespace tally::storage {

/// The queue of effects (ingest.effect_queue), which batches fill: applies them in order, each once
/// (docs/ARCHITECTURE.md, R17). Any number of sessions may do so: an advisory lock lets one of them
/// work at a time. One thread.
///
///     BEGIN, wait for the turn, apply the next effects, refused events to suspense, delete, COMMIT
///
/// A failure leaves the effects in the queue. One that fails for good, for longer than the
/// patience, goes to suspense with the database's message, if some effect behind it can be applied.
/// If only the answer to COMMIT was lost they are gone, and are counted nowhere.
class effect_queue {
  public:
    /// `connection` must outlive this object.
    explicit effect_queue(pq_connection& connection, effect_patience patience = {}) noexcept
        : connection_{connection}, stuck_{patience} {}

    /// One transaction: the next effects, effects_max at most. None is taken if none waits. After a
    /// failure one effect is taken at a time for a while, so that those before the one that fails
    /// are applied, and slow ones need not fit into one transaction.
    result apply_next(effect_counts& out);
    /// Applies all that wait now, until `stop`. `out`: also those before a failure.
    result apply_present(std::function<bool()> const& stop, effect_counts& out);
    result waiting(waiting_effects& out);

    /// Each effect is a subtransaction. PostgreSQL keeps 64 of a transaction in shared memory; more
    /// would slow down every other session (PGPROC_MAX_CACHED_SUBXIDS).
    static constexpr std::int32_t effects_max = 60;

  private:
    result apply_claimed(effect_counts& out);
    result apply_head(effect_counts& out);
    result suspend_head(head_effect const& head, result const& failed, effect_counts& out);
    result settle(pq_rows const& tried, effect_counts& out);

    pq_connection& connection_;
    stuck_effect stuck_;
    std::int32_t taken_at_once_ = effects_max;
    std::int32_t singles_ = 0; ///< taken one by one since the last failure
};

/// Limits of a connection for effects: without sequential scans the server finds the next ones by
/// their index, whatever the table's statistics say.
pq_connection::limits effect_limits();

} // namespace tally::storage
