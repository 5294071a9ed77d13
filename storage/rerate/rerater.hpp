#pragma once

#include "ingest/base/record_error.hpp"
#include "rating/catalog/catalog.hpp"
#include "rating/clock/calendar.hpp"
#include "rating/rater/rater.hpp"
#include "storage/rerate/adjustment_batch.hpp"
#include "storage/rerate/reader.hpp"
#include "storage/rerate/runs.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace tally::storage {

/// A selected call that can no longer be rated; it stays as it is.
struct unrated_call {
    rerate_call const* call = nullptr;
    ingest::record_error reason = ingest::record_error::none;
};

/// What the calls of a period are rated on.
struct period_state {
    usage_state usage;                 ///< of its row, as last read
    std::int64_t allowance_used_s = 0; ///< drawn by earlier calls and by frozen ones
    bool is_changed = false;           ///< whether a call of the period changed
};

/// Rates stored calls again: by the present catalog, with the rates that were in effect at the time
/// of the call. Guiding is not repeated: the subscription that pays stays. One thread.
///
/// Calls must come in the order in which they draw the allowance. A selected call is changed if
/// anything that explains its cost differs from what is stored. Another call of the period is
/// changed only if its share of the allowance differs.
class rerater {
  public:
    explicit rerater(rating::catalog const& catalog);

    /// Adds the changes and counts of `calls`. rerate_call::period is the index in `periods` and in
    /// `states`, whose allowance is drawn.
    void rate(std::span<rerate_call const> calls, std::span<rerate_period const> periods,
              std::span<period_state> states, adjustment_batch& changes, rerate_counts& counts,
              std::vector<unrated_call>& unrated);

  private:
    rating::calendar& calendar_of(rating::catalog_index plan);
    [[nodiscard]] bool is_on_net(ingest::cdr const& call, rerate_call const& stored,
                                 rating::tariff const& plan) const;
    /// Rates one call; error: no_active_subscription if the catalog does not have the subscription.
    rating::rated_call rate_again(rerate_call const& stored, rating::catalog_index subscription,
                                  std::int64_t used_s) const;

    rating::catalog const& catalog_;
    boost::unordered_flat_set<ingest::uuid, ingest::uuid_hash> on_net_rates_;
    std::map<std::string, rating::calendar, std::less<>> calendars_; ///< by zone
};

} // namespace tally::storage
