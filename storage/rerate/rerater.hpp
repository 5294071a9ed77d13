#pragma once

#include "ingest/base/record_error.hpp"
#include "rating/catalog/catalog.hpp"
#include "rating/clock/calendar.hpp"
#include "rating/rater/rater.hpp"
#include "storage/rerate/adjustment_batch.hpp"
#include "storage/rerate/rerate_reader.hpp"
#include "storage/rerate/rerate_runs.hpp"

#include <boost/unordered/unordered_flat_set.hpp>

#include <functional>
#include <map>
#include <span>
#include <string>
#include <vector>

namespace tally::storage {

/// A call that was asked for and cannot be rated any more; it stays as it is.
struct unrated_call {
    rerate_call const* call = nullptr;
    ingest::record_error why = ingest::record_error::none;
};

/// What a period's calls are rated on.
struct period_state {
    usage_state usage;                 ///< of its row, as it was read last
    std::int64_t allowance_used_s = 0; ///< drawn by calls that come before, or are left alone
    bool is_changed = false;           ///< a call of it is
};

/// Rates stored calls again, by a catalog as it is now and rates as they were then. Guiding is not
/// redone: the subscription that pays stays. One thread.
///
/// Calls are to come in the order in which they draw the allowance. One that was asked for is
/// changed when anything that explains its cost is other than stored; another one of the period
/// only when its share of the allowance is.
class rerater {
  public:
    explicit rerater(rating::catalog const& from);

    /// Changes and counts of `calls`; `states` and `periods` by rerate_call::period. Draws from the
    /// states' allowances.
    void rate(std::span<rerate_call const> calls, std::span<rerate_period const> periods,
              std::span<period_state> states, adjustment_batch& changes, rerate_counts& counts,
              std::vector<unrated_call>& unrated);

  private:
    rating::calendar& calendar_of(rating::catalog_index plan);
    [[nodiscard]] bool is_on_net(ingest::cdr const& call, rerate_call const& stored,
                                 rating::tariff const& plan) const;
    /// What the call is rated now; error: no_active_subscription when the catalog has none.
    rating::rated_call rate_again(rerate_call const& stored, rating::catalog_index subscription,
                                  std::int64_t used_s) const;

    rating::catalog const& from_;
    boost::unordered_flat_set<ingest::uuid, ingest::uuid_hash> on_net_rates_;
    std::map<std::string, rating::calendar, std::less<>> calendars_; ///< by zone
};

} // namespace tally::storage
